// What is particular to RocksLogStore: damage of every kind that the contract suite cannot plant, and group commit.

#include "io/real/rocks_log_store.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "io/real/log_codec.h"
#include "tests/io/log_world.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {
namespace fs = std::filesystem;

class RocksLogDamage : public testing::Test {
 protected:
  RocksLogDamage() {
    options_.directory = dir_ / "log";
    options_.free_bytes_min = 0;
  }

  void Open() {
    auto opened = io::RocksLogStore::Open(options_, loop_);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    store_ = *std::move(opened);
  }
  void Close() { store_.reset(); }

  void Write(io::LogBatch batch) {
    bool done = false;
    store_->Write(std::move(batch), [&](Outcome outcome) {
      EXPECT_TRUE(outcome.has_value());
      done = true;
    });
    loop_.RunUntil([&] { return done; });
  }
  void WriteEntries(std::uint64_t first, std::uint64_t count, std::size_t bytes = 20) {
    for (std::uint64_t i = first; i < first + count; ++i) Write(Appending({TextEntry(1, i, std::string(bytes, 'x'))}));
  }
  // Ten entries, one batch each, then closed.
  void MakeLog(std::size_t bytes = 20) {
    Open();
    WriteEntries(0, 10, bytes);
    Close();
  }

  // Opening or loading must say that the log is damaged; returns what was said.
  std::string ExpectCorrupt() {
    auto opened = io::RocksLogStore::Open(options_, loop_);
    if (!opened) {
      EXPECT_EQ(opened.error().kind, io::ErrorKind::kCorrupt) << opened.error().detail;
      return opened.error().detail;
    }
    const auto log = (*opened)->Load();
    EXPECT_FALSE(log.has_value()) << Show(*log);
    if (log) return "";
    EXPECT_EQ(log.error().kind, io::ErrorKind::kCorrupt) << log.error().detail;
    return log.error().detail;
  }

  // Changes rows behind the store's back.
  template <class Change>
  void ChangeRows(Change change) {
    rocksdb::DB* raw = nullptr;
    rocksdb::Options options;
    ASSERT_TRUE(rocksdb::DB::Open(options, options_.directory, &raw).ok());
    const std::unique_ptr<rocksdb::DB> db(raw);
    change(*db);
  }

  [[nodiscard]] fs::path Newest(const std::string& extension) const {
    std::vector<fs::path> found;
    for (const auto& file : fs::directory_iterator(options_.directory)) {
      if (file.path().extension() == extension && file.file_size() > 0) found.push_back(file.path());
    }
    EXPECT_FALSE(found.empty());
    return *std::max_element(found.begin(), found.end());
  }
  static void Overwrite(const fs::path& path, std::uint64_t at, const std::string& bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
    ASSERT_TRUE(file.good());
  }

  TempDir dir_;
  io::RocksLogOptions options_;
  PumpLoop loop_;
  std::unique_ptr<io::RocksLogStore> store_;
};

TEST_F(RocksLogDamage, ARecordCutShortAtTheVeryEndWasNeverAcknowledgedAndIsDropped) {
  MakeLog();
  const fs::path wal = Newest(".log");
  fs::resize_file(wal, fs::file_size(wal) - 3);
  Open();
  EXPECT_EQ(store_->Load()->entries.size(), 9U);
  // The log goes on from there.
  WriteEntries(9, 2);
  Close();
  Open();
  EXPECT_EQ(store_->Load()->entries.size(), 11U);
}

TEST_F(RocksLogDamage, AFlippedBitAnywhereInTheWriteAheadLogIsCorruption) {
  MakeLog();
  const std::uint64_t size = fs::file_size(Newest(".log"));
  const TempDir copy;
  fs::copy(options_.directory, copy / "log");
  // The last record is left out: a flip in its length could make it look cut short, which is told apart by no one.
  for (std::uint64_t at = 0; at < size * 8 / 10; at += 13) {
    SCOPED_TRACE("byte " + std::to_string(at));
    fs::remove_all(options_.directory);
    fs::copy(copy / "log", options_.directory);
    const fs::path wal = Newest(".log");
    std::ifstream file(wal, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    Overwrite(wal, at, std::string(1, static_cast<char>(file.get() ^ 1)));
    ExpectCorrupt();
  }
}

TEST_F(RocksLogDamage, AHoleOfZerosInTheWriteAheadLogIsCorruption) {
  // Zeros look like space that was reserved and not yet written: RocksDB skips them without a word.
  MakeLog(40000);
  Overwrite(Newest(".log"), std::uint64_t{32} << 10U, std::string(std::size_t{32 * 4} << 10U, '\0'));
  const std::string said = ExpectCorrupt();
  EXPECT_NE(said, "");
}

TEST_F(RocksLogDamage, ALostWriteAheadLogIsCorruption) {
  // Two generations of the write-ahead log are alive, because starting does not flush.
  MakeLog();
  const fs::path first = Newest(".log");
  Open();
  WriteEntries(10, 5);
  Close();
  fs::remove(first);
  ExpectCorrupt();
}

TEST_F(RocksLogDamage, ALostBatchInTheMiddleIsCorruptionEvenIfNoEntryIsMissing) {
  Open();
  WriteEntries(0, 3);
  Write(Voting(5, 2));
  WriteEntries(3, 2);
  Close();
  // As if the batch of the vote had never been replayed: its row is gone, the one that it deleted is back.
  ChangeRows([](rocksdb::DB& db) {
    const std::string key = io::NumberedKey(io::kBatchTable, 3);
    const io::LogExtent extent{LogIndex(0), LogIndex(3), false};
    ASSERT_TRUE(db.Put({}, key, io::EncodeExtent(key, extent)).ok());
  });
  EXPECT_NE(ExpectCorrupt().find("the write after batch 3 is missing"), std::string::npos);
}

TEST_F(RocksLogDamage, K8AnEntryInAnotherEntrysPlaceIsCorruption) {
  MakeLog();
  ChangeRows([](rocksdb::DB& db) {
    std::string value;
    ASSERT_TRUE(db.Get({}, io::NumberedKey(io::kEntryTable, 4), &value).ok());
    ASSERT_TRUE(db.Put({}, io::NumberedKey(io::kEntryTable, 5), value).ok());
  });
  EXPECT_NE(ExpectCorrupt().find("entry 5: wrong checksum"), std::string::npos);
}

TEST_F(RocksLogDamage, AMissingEntryIsCorruptionWhereverItWas) {
  for (const std::uint64_t index : {0U, 5U, 9U}) {
    SCOPED_TRACE("entry " + std::to_string(index));
    fs::remove_all(options_.directory);
    MakeLog();
    ChangeRows([index](rocksdb::DB& db) { ASSERT_TRUE(db.Delete({}, io::NumberedKey(io::kEntryTable, index)).ok()); });
    EXPECT_NE(ExpectCorrupt().find("entry " + std::to_string(index) + " is missing"), std::string::npos);
  }
}

TEST_F(RocksLogDamage, AnEntryBehindTheEndIsCorruption) {
  MakeLog();
  ChangeRows([](rocksdb::DB& db) {
    const std::string key = io::NumberedKey(io::kEntryTable, 10);
    ASSERT_TRUE(db.Put({}, key, io::EncodeEntryHead(key, Entry::Blank(IdAt(1, 10)))).ok());
  });
  EXPECT_NE(ExpectCorrupt().find("entry 10 is too much"), std::string::npos);
}

TEST_F(RocksLogDamage, ALostPurgedIdIsCorruption) {
  Open();
  WriteEntries(0, 10);
  io::LogBatch batch;
  batch.purge_to = IdAt(1, 4);
  Write(batch);
  Close();
  ChangeRows([](rocksdb::DB& db) { ASSERT_TRUE(db.Delete({}, std::string(io::kPurgedRow)).ok()); });
  EXPECT_NE(ExpectCorrupt().find("purged log id is missing"), std::string::npos);
}

TEST_F(RocksLogDamage, ALostSortedFileIsCorruption) {
  options_.memtable_bytes = std::size_t{64} << 10U;
  MakeLog(20000);
  fs::remove(Newest(".sst"));
  ExpectCorrupt();
}

TEST_F(RocksLogDamage, ADirectoryThatIsNotADatabaseIsNotAnEmptyLog) {
  MakeLog();
  fs::resize_file(Newest(".log"), 0);
  std::ofstream(options_.directory + "/CURRENT", std::ios::trunc) << "nonsense";
  ExpectCorrupt();
}

// --- Group commit ---

// Releases the writer thread's completions only when asked, and counts how often it reported.
class CountingLoop final : public io::EventLoop {
 public:
  void Post(io::Task task) override {
    ++posts;
    loop.Post(std::move(task));
  }
  io::TimerId RunAt(Instant, io::Task) override { return 0; }
  void Cancel(io::TimerId) override {}

  std::atomic<int> posts = 0;
  PumpLoop loop;
};

TEST(RocksLogGroupCommit, WhatIsIssuedWhileASyncRunsSharesTheNextOne) {
  constexpr std::uint64_t kWrites = 500;
  const TempDir dir;
  CountingLoop loop;
  io::RocksLogOptions options;
  options.directory = dir / "log";
  options.free_bytes_min = 0;
  auto store = io::RocksLogStore::Open(options, loop);
  ASSERT_TRUE(store.has_value());
  std::uint64_t answered = 0;
  for (std::uint64_t i = 0; i < kWrites; ++i) {
    (*store)->Write(Appending(TextEntries(1, i, 1)), [&](Outcome outcome) {
      EXPECT_TRUE(outcome.has_value());
      ++answered;
    });
  }
  loop.loop.RunUntil([&] { return answered == kWrites; });
  EXPECT_LT(loop.posts, static_cast<int>(kWrites / 2));
}

TEST(RocksLogGroupCommit, CompletionsThatHaveNotRunNeverDoOnceTheStoreIsGone) {
  const TempDir dir;
  PumpLoop loop;
  io::RocksLogOptions options;
  options.directory = dir / "log";
  options.free_bytes_min = 0;
  auto store = io::RocksLogStore::Open(options, loop);
  ASSERT_TRUE(store.has_value());
  bool answered = false;
  (*store)->Write(Appending(TextEntries(1, 0, 1)), [&](const Outcome&) { answered = true; });
  store->reset();
  bool ran = false;
  loop.Post([&] { ran = true; });
  loop.RunUntil([&] { return ran; });
  EXPECT_FALSE(answered);
  store = io::RocksLogStore::Open(options, loop);
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ((*store)->Load()->entries.size(), 1U) << "what was issued is written all the same";
}

}  // namespace
}  // namespace metasrv::test
