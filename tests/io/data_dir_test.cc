#include "io/real/data_dir.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {
namespace fs = std::filesystem;
using io::DataDir;

void WriteFile(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class DataDirTest : public testing::Test {
 protected:
  std::expected<std::unique_ptr<DataDir>, io::Error> Open(DataDir::Missing missing = DataDir::Missing::kCreate) {
    return DataDir::Open(raft_dir_, missing);
  }
  void ExpectRefused(const std::string& reason) {
    const auto opened = Open();
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().kind, io::ErrorKind::kIncompatible);
    EXPECT_NE(opened.error().detail.find(reason), std::string::npos) << opened.error().detail;
    EXPECT_NE(opened.error().detail.find("export it"), std::string::npos) << opened.error().detail;
  }
  // The text that a test put into the log directory of the data that is in force.
  [[nodiscard]] std::string Marker() const { return ReadFile(raft_dir_ + "/df_meta/V004/log/marker"); }

  TempDir dir_;
  std::string raft_dir_ = dir_ / "raft";
};

TEST_F(DataDirTest, ANewDirectoryHasTheDocumentedLayout) {
  const auto opened = Open();
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  EXPECT_EQ(ReadFile(raft_dir_ + "/df_meta/VERSION"), R"({"version":"V004"})");
  EXPECT_EQ((*opened)->paths().log, raft_dir_ + "/df_meta/V004/log");
  EXPECT_EQ((*opened)->paths().state, raft_dir_ + "/df_meta/V004/state");
  EXPECT_EQ((*opened)->paths().snapshot, raft_dir_ + "/df_meta/V004/snapshot");
  EXPECT_TRUE(fs::is_directory((*opened)->paths().log));
  EXPECT_TRUE(fs::is_directory((*opened)->paths().state));
  EXPECT_TRUE(fs::is_directory((*opened)->paths().snapshot));
}

TEST_F(DataDirTest, ASecondUserIsRefusedUntilTheFirstOneIsGone) {
  auto first = Open();
  ASSERT_TRUE(first.has_value());
  const auto second = Open();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, io::ErrorKind::kLocked);
  EXPECT_EQ(second.error().detail, "Directory '" + raft_dir_ + "' is already locked by another process");
  first->reset();
  EXPECT_TRUE(Open().has_value());
}

TEST_F(DataDirTest, MissingDataIsReportedToThoseWhoNeedIt) {
  EXPECT_EQ(Open(DataDir::Missing::kFail).error().kind, io::ErrorKind::kNotFound);
  EXPECT_FALSE(fs::exists(raft_dir_)) << "asking must not create anything";
  fs::create_directories(raft_dir_);
  EXPECT_EQ(Open(DataDir::Missing::kFail).error().kind, io::ErrorKind::kNotFound);
  EXPECT_FALSE(fs::exists(raft_dir_ + "/df_meta"));
  EXPECT_TRUE(Open().has_value());
  EXPECT_TRUE(Open(DataDir::Missing::kFail).has_value());
}

TEST_F(DataDirTest, DirectoriesOfUpstreamAreRefusedWithAdvice) {
  WriteFile(raft_dir_ + "/df_meta/VERSION", R"({"version":"V003"})");
  ExpectRefused("V003");
  WriteFile(raft_dir_ + "/df_meta/VERSION", R"({"version":"V003","upgrading":"V004"})");
  ExpectRefused("upgrading");
  WriteFile(raft_dir_ + "/df_meta/VERSION", R"({"version":"V004"})");
  WriteFile(raft_dir_ + "/df_meta/V004/log/r-00_000_000_000_000_000_000.wal", "x");
  ExpectRefused("*.wal");
  fs::remove_all(raft_dir_ + "/df_meta/V004/log");
  WriteFile(raft_dir_ + "/df_meta/V004/snapshot/1-0-83-1700000000000.snap", "x");
  ExpectRefused("*.snap");
}

TEST_F(DataDirTest, OurOwnSnapshotFilesAreNoReasonToRefuse) {
  ASSERT_TRUE(Open().has_value());
  WriteFile(raft_dir_ + "/df_meta/V004/snapshot/1-0-83-1700000000000.snap", "x");
  EXPECT_TRUE(Open().has_value());
}

TEST_F(DataDirTest, ACreationThatWasCutShortIsCompleted) {
  fs::create_directories(raft_dir_ + "/df_meta/V004/log");
  EXPECT_TRUE(Open().has_value());
  fs::remove(raft_dir_ + "/df_meta/VERSION");
  EXPECT_TRUE(Open().has_value());
  EXPECT_EQ(ReadFile(raft_dir_ + "/df_meta/VERSION"), R"({"version":"V004"})");
}

TEST_F(DataDirTest, DataWithoutItsVersionIsNotTakenForNew) {
  ASSERT_TRUE(Open().has_value());
  WriteFile(raft_dir_ + "/df_meta/V004/state/CURRENT", "x");
  fs::remove(raft_dir_ + "/df_meta/VERSION");
  ExpectRefused("VERSION");
}

TEST_F(DataDirTest, AnImportReplacesTheDataAndNothingElse) {
  auto data = *Open();
  WriteFile(data->paths().log + "/marker", "old");
  WriteFile(raft_dir_ + "/unrelated.txt", "kept");
  {
    const auto import = data->BeginImport();
    ASSERT_TRUE(import.has_value());
    WriteFile((*import)->paths().log + "/marker", "new");
    EXPECT_EQ(Marker(), "old");
    ASSERT_TRUE((*import)->Commit().has_value());
  }
  EXPECT_EQ(Marker(), "new");
  EXPECT_FALSE(Open().has_value()) << "the lock must survive the swap";
  data.reset();
  EXPECT_TRUE(Open(DataDir::Missing::kFail).has_value());
  EXPECT_EQ(Marker(), "new");
  EXPECT_EQ(ReadFile(raft_dir_ + "/unrelated.txt"), "kept");
  EXPECT_EQ(std::distance(fs::directory_iterator(raft_dir_), {}), 2);
}

TEST_F(DataDirTest, AnImportThatIsGivenUpLeavesNoTrace) {
  auto data = *Open();
  WriteFile(data->paths().log + "/marker", "old");
  {
    const auto import = *data->BeginImport();
    WriteFile(import->paths().log + "/marker", "new");
  }
  EXPECT_EQ(Marker(), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(raft_dir_), {}), 1);
}

// Every state that a crash in the middle of an import can leave, and which of the two data sets must come out of it.
TEST_F(DataDirTest, AnImportCutShortAnywhereLeavesTheOldDataOrTheNew) {
  struct Case {
    const char* what;
    bool current, importing, replaced;
    const char* expected;
  };
  const Case cases[] = {
      {"while the new data was built", true, true, false, "current"},
      {"after the old data was moved away", false, true, true, "importing"},
      {"after the new data was moved in", true, false, true, "current"},
      {"after everything", true, false, false, "current"},
      {"by an older fault that lost the new data", false, false, true, "replaced"},
  };
  for (const Case& crash : cases) {
    SCOPED_TRACE(crash.what);
    fs::remove_all(raft_dir_);
    const auto make = [this](const std::string& name, const std::string& marker) {
      WriteFile(raft_dir_ + "/" + name + "/VERSION", R"({"version":"V004"})");
      WriteFile(raft_dir_ + "/" + name + "/V004/log/marker", marker);
    };
    if (crash.current) make("df_meta", "current");
    if (crash.importing) make("df_meta.importing", "importing");
    if (crash.replaced) make("df_meta.replaced", "replaced");
    for (int again = 0; again < 2; ++again) {
      ASSERT_TRUE(Open(DataDir::Missing::kFail).has_value());
      EXPECT_EQ(Marker(), crash.expected);
      EXPECT_EQ(std::distance(fs::directory_iterator(raft_dir_), {}), 1);
    }
  }
}

TEST_F(DataDirTest, TheReserveTakesUpRoomUntilADiskIsFull) {
  ASSERT_TRUE(Open(DataDir::Missing::kCreate).has_value());
  const std::string reserve = raft_dir_ + "/df_meta/reserve";
  EXPECT_FALSE(io::ReleaseReserve(raft_dir_, 0)) << "there is none yet";
  io::KeepReserve(raft_dir_);
  EXPECT_EQ(fs::file_size(reserve), io::kReserveBytes);
  EXPECT_FALSE(io::ReleaseReserve(raft_dir_, std::nullopt));
  EXPECT_FALSE(io::ReleaseReserve(raft_dir_, io::kReserveBytes));
  io::KeepReserve(raft_dir_);
  EXPECT_TRUE(io::ReleaseReserve(raft_dir_, io::kReserveBytes - 1));
  EXPECT_FALSE(fs::exists(reserve));
  ASSERT_TRUE(Open(DataDir::Missing::kFail).has_value());
}

TEST_F(DataDirTest, FreeSpaceIsKnownForADirectoryAndNotForNothing) {
  EXPECT_GT(io::FreeDiskBytes(dir_.path()).value_or(0), 0U);
  EXPECT_EQ(io::FreeDiskBytes(raft_dir_ + "/nowhere"), std::nullopt);
}

}  // namespace
}  // namespace metasrv::test
