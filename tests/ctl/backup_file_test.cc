#include "ctl/backup_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/prng.h"
#include "ctl/packing.h"
#include "ctl/progress.h"
#include "tests/support/temp_dir.h"

namespace metasrv::ctl {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

using Lines = std::vector<std::string>;

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteContent(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::expected<Lines, std::string> Read(const std::string& db, std::istream& otherwise) {
  auto reader = BackupReader::Open(db, otherwise);
  if (!reader) return std::unexpected(reader.error());
  Lines lines;
  while (true) {
    auto line = (*reader)->Next();
    if (!line) return std::unexpected(line.error());
    if (!*line) return lines;
    lines.emplace_back(**line);
  }
}

std::expected<Lines, std::string> ReadFile(const std::string& db) {
  std::istringstream none;
  return Read(db, none);
}

std::expected<Lines, std::string> ReadStream(const std::string& text) {
  std::istringstream stream(text);
  return Read("", stream);
}

void WriteFile(const std::string& db, const Lines& lines) {
  std::ostringstream none;
  auto writer = BackupWriter::Open(db, none);
  ASSERT_TRUE(writer.has_value()) << writer.error();
  for (const std::string& line : lines) ASSERT_TRUE((*writer)->Write(line).has_value());
  const auto finished = (*writer)->Finish();
  ASSERT_TRUE(finished.has_value()) << finished.error();
  EXPECT_EQ(none.str(), "");
}

// Lines of many lengths, among them some far larger than a block, of bytes that do not pack well.
Lines RandomLines(std::uint64_t seed) {
  Prng prng(seed);
  Lines lines;
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t size = i % 100 == 50 ? 700'000 + prng.Below(100'000) : prng.Below(3000);
    std::string line(size, ' ');
    for (char& c : line) c = static_cast<char>('!' + prng.Below(90));
    lines.push_back(std::move(line));
  }
  return lines;
}

class Packed : public testing::TestWithParam<const char*> {
 protected:
  test::TempDir dir_;
  std::string db_ = dir_ / (std::string("backup.jsonl") + GetParam());
};

TEST_P(Packed, LinesComeBackAsTheyWereWritten) {
  const Lines lines = RandomLines(1);
  WriteFile(db_, lines);
  EXPECT_EQ(ReadFile(db_), lines);
  EXPECT_EQ(ReadStream(Content(db_)), lines) << "from standard input";
  EXPECT_EQ(PackingOfContent(Content(db_)), PackingOfName(db_));
  EXPECT_FALSE(fs::exists(db_ + ".partial"));
}

TEST_P(Packed, SeveralArchivesInOneFileAreOneText) {
  WriteFile(db_, {"a", "b"});
  const std::string first = Content(db_);
  WriteFile(db_, {"c"});
  WriteContent(db_, first + Content(db_));
  EXPECT_EQ(ReadFile(db_), (Lines{"a", "b", "c"}));
}

TEST_P(Packed, AnArchiveThatIsCutShortAnywhereIsRefused) {
  if (PackingOfName(db_) == Packing::kNone) return;
  WriteFile(db_, {"one", "two", "three"});
  const std::string whole = Content(db_);
  for (std::size_t size = kMagicBytes; size < whole.size(); ++size) {
    WriteContent(db_, whole.substr(0, size));
    const auto read = ReadFile(db_);
    ASSERT_FALSE(read.has_value()) << size;
    EXPECT_THAT(read.error(), HasSubstr("cut short")) << size;
    EXPECT_THAT(read.error(), HasSubstr(db_));
  }
}

TEST_P(Packed, ADamagedArchiveIsRefused) {
  if (PackingOfName(db_) == Packing::kNone) return;
  const Lines lines = RandomLines(2);
  WriteFile(db_, lines);
  const std::string whole = Content(db_);
  Prng prng(3);
  for (int i = 0; i < 20; ++i) {
    std::string damaged = whole;
    damaged[kMagicBytes + 20 + prng.Below(whole.size() - kMagicBytes - 20)] ^= static_cast<char>(1U << prng.Below(8));
    WriteContent(db_, damaged);
    EXPECT_FALSE(ReadFile(db_).has_value());
  }
  WriteContent(db_, whole + "more");
  EXPECT_FALSE(ReadFile(db_).has_value());
}

INSTANTIATE_TEST_SUITE_P(Ending, Packed, testing::Values("", ".zst", ".gz"));

TEST(BackupReader, KnowsWhetherTheLastLineEnds) {
  for (const bool ends : {true, false}) {
    std::istringstream stream(ends ? "a\nb\n" : "a\nb");
    auto reader = BackupReader::Open("", stream);
    ASSERT_TRUE(reader.has_value());
    for (int i = 0; i < 2; ++i) EXPECT_TRUE((*reader)->Next().value().has_value());
    EXPECT_EQ((*reader)->Next().value(), std::nullopt);
    EXPECT_EQ((*reader)->ends_within_a_line(), !ends);
    EXPECT_EQ((*reader)->bytes_total(), std::nullopt);
  }
}

TEST(BackupReader, ReadsEmptyLinesAndEmptyTexts) {
  EXPECT_EQ(ReadStream("\n\na\n"), (Lines{"", "", "a"}));
  EXPECT_EQ(ReadStream(""), Lines());
}

TEST(BackupReader, RefusesALineThatWouldFillTheMemory) {
  std::istringstream stream("short\n" + std::string(3'000'000, 'x') + "\n");
  auto reader = BackupReader::Open("", stream, 1'000'000);
  EXPECT_EQ((*reader)->Next().value(), "short");
  EXPECT_EQ((*reader)->Next().error(),
            "<stdin>: line 2 is longer than 1000000 bytes: no meta service writes such a line");
}

TEST(BackupReader, RefusesAFileThatDoesNotHoldWhatItsNameSays) {
  const test::TempDir dir;
  WriteContent(dir / "a.zst", "[\"header\"]\n");
  EXPECT_THAT(ReadFile(dir / "a.zst").error(), HasSubstr("does not hold zstd data"));
  EXPECT_THAT(ReadFile(dir / "none").error(), HasSubstr("No such file"));
  EXPECT_THAT(ReadFile(dir / "").error(), HasSubstr("Is a directory"));
}

TEST(BackupWriter, WritesPlainTextToStandardOutput) {
  std::ostringstream out;
  auto writer = BackupWriter::Open("", out);
  ASSERT_TRUE((*writer)->Write("a").has_value());
  ASSERT_TRUE((*writer)->Finish().has_value());
  EXPECT_EQ(out.str(), "a\n");
}

TEST(BackupWriter, KeepsTheOldFileUntilTheNewOneIsComplete) {
  const test::TempDir dir;
  const std::string db = dir / "backup";
  WriteFile(db, {"old"});
  std::ostringstream none;
  {
    auto writer = BackupWriter::Open(db, none);
    ASSERT_TRUE((*writer)->Write("new").has_value());
    EXPECT_EQ(BackupWriter::Open(db, none).error(), "another export is writing to " + db);
  }
  EXPECT_EQ(Content(db), "old\n");
  EXPECT_EQ(Content(db + ".partial"), "new\n") << "what was written stays";
  WriteFile(db, {"newer"});
  EXPECT_EQ(Content(db), "newer\n");
  EXPECT_FALSE(fs::exists(db + ".partial"));
}

TEST(BackupWriter, LeavesLinksAndDevicesWhatTheyAre) {
  const test::TempDir dir;
  WriteFile(dir / "target", {"old"});
  fs::create_symlink(dir / "target", dir / "link");
  WriteFile(dir / "link", {"new"});
  EXPECT_TRUE(fs::is_symlink(dir / "link"));
  EXPECT_EQ(Content(dir / "target"), "new\n");
  WriteFile("/dev/null", {"lost"});
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(BackupWriter, SaysWhyAFileCanNotBeWritten) {
  std::ostringstream none;
  EXPECT_THAT(BackupWriter::Open("/proc/none/backup", none).error(), HasSubstr("can not write to /proc/none/backup"));
}

TEST(Progress, SaysHowFarHowFastAndHowLong) {
  EXPECT_EQ(ProgressText(12000, 3, std::nullopt), "12,000 lines, 4,000 lines/s");
  EXPECT_EQ(ProgressText(1234567, 4, 0.4), "1,234,567 lines, 308,641 lines/s, 40 % done, 6 s left");
  EXPECT_EQ(ProgressText(7, 0, 0), "7 lines, 0 lines/s");
}

TEST(Progress, SaysNothingWhenNobodyWatches) {
  Progress progress(nullptr);
  for (int i = 0; i < 1000; ++i) progress.Advance([] { return std::optional<double>(); });
  EXPECT_EQ(progress.lines(), 1000u);
}

}  // namespace
}  // namespace metasrv::ctl
