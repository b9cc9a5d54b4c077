// Who writes the log: the writer's own thread, or the one that issued a lone batch while it had borrowed the loop.

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "io/real/os_clock.h"
#include "io/real/rocks_log_store.h"
#include "io/real/thread_loop.h"
#include "tests/io/borrowing.h"
#include "tests/io/log_world.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {

// A log without syncs, so that it is quick on every disk, and a loop that this thread may borrow.
class LogOfABorrower : public testing::Test {
 protected:
  LogOfABorrower() : runner_([this] { loop_.Run(); }) { Open(); }
  ~LogOfABorrower() override {
    loop_.Stop();
    runner_.join();
  }

  void Open() {
    io::RocksLogOptions options;
    options.directory = dir_ / "log";
    options.sync = false;
    options.free_bytes_min = 0;
    auto opened = io::RocksLogStore::Open(options, loop_);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    store_ = *std::move(opened);
  }

  // On the loop.
  void WriteOne(bool in_background = false) {
    io::LogBatch batch = Appending(TextEntries(1, next_++, 1));
    batch.in_background = in_background;
    store_->Write(std::move(batch), [this](const Outcome& outcome) {
      EXPECT_TRUE(outcome.has_value());
      answered_on_ = std::this_thread::get_id();
      ++answered_;
    });
  }
  // Writes batches one by one until one was written by this thread.
  void WriteUntilAside() {
    const auto self = std::this_thread::get_id();
    for (std::optional<std::thread::id> writer; writer != self;) {
      std::uint64_t issued = 0;
      DispatchUntilBorrowed(loop_, [&] {
        WriteOne();
        issued = next_;
      });
      while (answered_ < issued) std::this_thread::yield();
      DispatchUntilBorrowed(loop_, [&] { writer = answered_on_; });
    }
  }

  TempDir dir_;
  io::OsClock clock_;
  io::ThreadLoop loop_{clock_};
  std::unique_ptr<io::RocksLogStore> store_;
  std::uint64_t next_ = 0;  // of the loop
  std::thread::id answered_on_;
  std::atomic<std::uint64_t> answered_ = 0;
  std::thread runner_;
};

TEST_F(LogOfABorrower, LoneBatchesAreWrittenByTheThreadThatIssuedThemAsSoonAsTheDiskIsKnownToBeQuick) {
  WriteUntilAside();
  EXPECT_EQ(store_->Load()->entries.size(), next_);
}

TEST_F(LogOfABorrower, WhatIsIssuedInTheBackgroundIsLeftToTheWritersThread) {
  WriteUntilAside();
  for (int i = 0; i < 20; ++i) {
    std::uint64_t issued = 0;
    DispatchUntilBorrowed(loop_, [&] {
      WriteOne(true);
      issued = next_;
    });
    while (answered_ < issued) std::this_thread::yield();
    DispatchUntilBorrowed(loop_, [&] { EXPECT_NE(answered_on_, std::this_thread::get_id()); });
  }
}

TEST_F(LogOfABorrower, WhatIsIssuedBehindALoneBatchIsWrittenInOrder) {
  WriteUntilAside();
  std::uint64_t issued = 0;
  for (int i = 0; i < 100; ++i) {
    DispatchUntilBorrowed(loop_, [&] {
      for (int more = i % 4; more >= 0; --more) WriteOne();
      issued = next_;
    });
  }
  while (answered_ < issued) std::this_thread::yield();
  EXPECT_EQ(store_->Load()->entries.size(), issued);
}

TEST_F(LogOfABorrower, WhoReadsTheLogBeforeTheLoopIsFreeSeesWhatWasIssued) {
  WriteUntilAside();
  std::size_t found = 0;
  DispatchUntilBorrowed(loop_, [&] {
    WriteOne();
    found = store_->Load()->entries.size();
  });
  EXPECT_EQ(found, next_);
}

TEST_F(LogOfABorrower, AStoreThatGoesBeforeTheLoopIsFreeWritesWhatWasIssued) {
  WriteUntilAside();
  const std::uint64_t answered = answered_;
  DispatchUntilBorrowed(loop_, [&] {
    WriteOne();
    store_.reset();
  });
  Open();
  EXPECT_EQ(store_->Load()->entries.size(), next_);
  EXPECT_EQ(answered_, answered) << "completions that have not run never do";
}

}  // namespace
}  // namespace metasrv::test
