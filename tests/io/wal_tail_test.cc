// What is behind the last record of a write-ahead log: space that was reserved, a record that the power cut short, or
// damage.

#include "io/real/wal_tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/real/rocks_log_store.h"
#include "tests/io/log_world.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kSector = 512;

// Copies of a log that is being written, as a power cut would leave it, with changes.
class WalTail : public testing::Test {
 protected:
  WalTail() {
    auto opened = io::RocksLogStore::Open(OptionsOf(dir_ / "log"), loop_);
    EXPECT_TRUE(opened.has_value());
    store_ = *std::move(opened);
  }

  // Writes one batch with one entry and notes where its record ends.
  void WriteEntry(std::size_t bytes) {
    bool done = false;
    store_->Write(Appending({TextEntry(1, ends_.size() - 1, std::string(bytes, 'x'))}), [&](const Outcome& outcome) {
      EXPECT_TRUE(outcome.has_value());
      done = true;
    });
    loop_.RunUntil([&] { return done; });
    ends_.push_back(store_->Stats().wal_bytes);
  }

  // The file as it is, with its reserved space.
  [[nodiscard]] std::string Wal() const {
    std::ifstream file(WalOf(dir_ / "log"), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // The number of records that are left of `wal`, or what was said.
  std::string Left(const std::string& wal) {
    const fs::path path = dir_ / "copy/000007.log";
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary | std::ios::trunc) << wal;
    if (const auto cut = io::CutWalTail(*rocksdb::FileSystem::Default(), path.parent_path()); !cut) {
      EXPECT_EQ(cut.error().kind, io::ErrorKind::kCorrupt);
      EXPECT_TRUE(cut.error().detail.starts_with(path.string() + ": ")) << cut.error().detail;
      return cut.error().detail.substr(path.string().size() + 2);
    }
    const auto end = std::ranges::find(ends_, fs::file_size(path));
    return end == ends_.end() ? "half a record" : std::to_string(end - ends_.begin());
  }

  // The number of entries that a store finds in a copy of the log with `wal`, or what was said.
  std::string Found(const std::string& wal) {
    const TempDir copy;
    fs::copy(dir_ / "log", copy / "log");
    std::ofstream(WalOf(copy / "log"), std::ios::binary | std::ios::trunc) << wal;
    auto opened = io::RocksLogStore::Open(OptionsOf(copy / "log"), loop_);
    if (!opened) return opened.error().detail;
    const auto log = (*opened)->Load();
    return log ? std::to_string(log->entries.size()) : log.error().detail;
  }

  static std::string WithZeros(std::string wal, std::uint64_t begin, std::uint64_t end) {
    return wal.replace(begin, end - begin, end - begin, '\0');
  }

  static io::RocksLogOptions OptionsOf(const std::string& directory) {
    io::RocksLogOptions options;
    options.directory = directory;
    options.free_bytes_min = 0;
    options.memtable_bytes = std::size_t{1} << 20U;
    return options;
  }
  static fs::path WalOf(const std::string& directory) {
    fs::path newest;
    for (const auto& file : fs::directory_iterator(directory)) {
      if (file.path().extension() == ".log" && file.path() > newest) newest = file.path();
    }
    return newest;
  }

  TempDir dir_;
  PumpLoop loop_;
  std::unique_ptr<io::RocksLogStore> store_;
  std::vector<std::uint64_t> ends_ = {0};  // of the record of the n-th entry
};

TEST_F(WalTail, SpaceIsReservedBeforeRecordsAreWrittenAndCutOffAfterACrash) {
  WriteEntry(100);
  const std::string wal = Wal();
  WriteEntry(100);
  EXPECT_GT(wal.size(), ends_.back());
  EXPECT_EQ(Wal().size(), wal.size()) << "the size of the file stays, so that a sync need not write it";
  EXPECT_EQ(Left(Wal()), "2");
  EXPECT_EQ(Found(Wal()), "2");
}

TEST_F(WalTail, ARecordOfWhichAnySectorsAreMissingWasBeingWrittenAndIsDropped) {
  WriteEntry(100);
  WriteEntry(3000);
  const std::string wal = Wal();
  std::vector<std::uint64_t> edges = {ends_[1]};
  while (edges.back() < ends_[2]) edges.push_back(std::min((edges.back() / kSector + 1) * kSector, ends_[2]));
  const std::size_t sectors = edges.size() - 1;
  for (std::uint64_t missing = 1; missing < std::uint64_t{1} << sectors; ++missing) {
    SCOPED_TRACE("missing sectors, as bits: " + std::to_string(missing));
    std::string torn = wal;
    for (std::size_t i = 0; i < sectors; ++i) {
      if ((missing >> i & 1U) != 0) torn = WithZeros(std::move(torn), edges[i], edges[i + 1]);
    }
    EXPECT_EQ(Left(torn), "1");
  }
}

TEST_F(WalTail, AStoreGoesOnBeforeAnUnfinishedRecordAndRefusesADamagedOne) {
  WriteEntry(100);
  WriteEntry(3000);
  EXPECT_EQ(Found(WithZeros(Wal(), ends_[2] - 2 * kSector, ends_[2])), "1");
  std::string damaged = Wal();
  ++damaged[ends_[1] + 100];
  EXPECT_NE(Found(damaged).find("where nothing is missing"), std::string::npos);
}

TEST_F(WalTail, ARecordOverManyBlocksOfWhichSomeAreMissingIsDropped) {
  WriteEntry(100);
  WriteEntry(200000);
  const std::string wal = Wal();
  for (std::uint64_t block = 0; block < 6; ++block) {
    SCOPED_TRACE("block " + std::to_string(block));
    const std::uint64_t begin = std::max(ends_[1], block << 15U);
    EXPECT_EQ(Left(WithZeros(wal, begin, (block + 1) << 15U)), "1");
    EXPECT_EQ(Left(WithZeros(wal, begin, ends_[2])), "1");
  }
}

TEST_F(WalTail, ARecordThatEndsWithTheFileTooEarlyIsDropped) {
  WriteEntry(100);
  WriteEntry(100);
  for (std::uint64_t size = ends_[1]; size < ends_[2]; ++size) {
    SCOPED_TRACE("bytes " + std::to_string(size));
    EXPECT_EQ(Left(Wal().substr(0, size)), "1");
  }
}

TEST_F(WalTail, ABadByteInTheLastRecordIsDamageAndNotAnUnfinishedWrite) {
  WriteEntry(100);
  WriteEntry(3000);
  // The length (bytes 4 and 5) is left out: a wrong one can claim sectors that were never written.
  for (std::uint64_t at = ends_[1]; at < ends_[2]; at += at < ends_[1] + 7 ? 1 : 97) {
    if (at == ends_[1] + 4 || at == ends_[1] + 5) continue;
    SCOPED_TRACE("byte " + std::to_string(at));
    std::string wal = Wal();
    wal[at] = static_cast<char>(wal[at] ^ 64);
    EXPECT_EQ(Left(wal), "damaged at byte " + std::to_string(ends_[1]) + ", where nothing is missing");
  }
}

TEST_F(WalTail, AMissingSectorIsDamageIfAnyRecordFollows) {
  WriteEntry(3000);
  WriteEntry(3000);
  WriteEntry(3000);
  for (std::uint64_t sector = 0; (sector + 1) * kSector < ends_[2]; ++sector) {
    SCOPED_TRACE("sector " + std::to_string(sector));
    const std::string said = Left(WithZeros(Wal(), sector * kSector, (sector + 1) * kSector));
    EXPECT_NE(said.find("and a record begins at byte"), std::string::npos) << said;
  }
}

TEST_F(WalTail, AMissingBlockIsDamageIfARecordFollowsInALaterBlock) {
  for (int i = 0; i < 8; ++i) WriteEntry(20000);
  const std::string said = Left(WithZeros(Wal(), std::uint64_t{1} << 15U, std::uint64_t{3} << 15U));
  EXPECT_NE(said.find("and a record begins at byte"), std::string::npos) << said;
}

TEST_F(WalTail, ADirectoryWithoutAWriteAheadLogIsLeftAlone) {
  const TempDir empty;
  EXPECT_TRUE(io::CutWalTail(*rocksdb::FileSystem::Default(), empty / "").has_value());
  EXPECT_TRUE(io::CutWalTail(*rocksdb::FileSystem::Default(), empty / "none").has_value());
}

}  // namespace
}  // namespace metasrv::test
