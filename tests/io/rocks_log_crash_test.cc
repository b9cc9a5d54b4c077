// RocksLogStore under a file system that fails or loses power at any chosen call. RocksDB's background threads make
// these runs seeded but not deterministic; the oracle does not care: what is found must be the log after some prefix of
// the issued batches that includes everything acknowledged.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "io/real/rocks_log_store.h"
#include "tests/io/log_world.h"
#include "tests/support/lying_fs.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {

constexpr std::uint64_t kBatches = 24;

// The same for every run: appends, votes, truncations and purges, with payloads large enough to fill small memtables.
io::LogBatch WorkloadBatch(std::uint64_t number, const LogModel& model) {
  io::LogBatch batch;
  if (number % 3 == 0) batch.hard_state = HardState{Term(number), NodeId(number % 5), number % 2 == 0};
  std::uint64_t end = model.end();
  if (number % 7 == 6) batch.truncate_from = LogIndex(--end);
  for (std::uint64_t i = 0; i < 3; ++i, ++end) {
    batch.append.push_back(TextEntry(number, end, std::string(3000, static_cast<char>('a' + end % 26))));
  }
  if (number % 5 == 4) batch.purge_to = model.At(model.first() + 3);
  return batch;
}

class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed)
      : prng_(seed), disk_(std::make_shared<LyingFs>(dir_ / "graveyard")), env_(NewEnvOver(disk_)) {
    texts_.push_back(LogModel().text());
  }

  LyingFs& disk() { return *disk_; }

  // Opens the store and writes the whole workload, or until something fails. False when it failed.
  bool Work() {
    if (!Open()) return false;
    bool failed = false;
    LogModel model;
    std::uint64_t answered = 0;
    for (std::uint64_t number = 1; number <= kBatches; ++number) {
      io::LogBatch batch = WorkloadBatch(number, model);
      model.Apply(batch);
      texts_.push_back(model.text());
      store_->Write(std::move(batch), [&](Outcome outcome) {
        ++answered;
        EXPECT_FALSE(outcome.has_value() && failed) << "acknowledged after a failure";
        failed = failed || !outcome.has_value();
        if (!failed) acknowledged_ = answered;
      });
      // Some batches share a sync, most have their own.
      if (number % 4 != 0) loop_.RunUntil([&] { return answered == number; });
    }
    loop_.RunUntil([&] { return answered == kBatches; });
    Close();
    return !failed;
  }

  void PowerCut(LyingFs::Keep keep) {
    disk_->PowerOff();
    Close();
    disk_->PowerOn(prng_, keep);
  }

  // The oracle.
  void ExpectAPrefix() {
    ASSERT_TRUE(Open()) << error_;
    const auto log = store_->Load();
    ASSERT_TRUE(log.has_value()) << log.error().detail;
    const auto from = texts_.begin() + static_cast<std::ptrdiff_t>(acknowledged_);
    EXPECT_TRUE(std::find(from, texts_.end(), Show(*log)) != texts_.end())
        << acknowledged_ << " of " << texts_.size() - 1 << " batches were acknowledged; found " << Show(*log);
    Close();
  }

  bool Open() {
    io::RocksLogOptions options;
    options.directory = dir_ / "log";
    options.env = env_.get();
    options.memtable_bytes = std::size_t{64} << 10U;
    auto opened = io::RocksLogStore::Open(options, loop_);
    if (!opened) {
      error_ = opened.error().detail;
      return false;
    }
    store_ = *std::move(opened);
    return true;
  }
  void Close() {
    store_.reset();
    loop_.Clear();
  }

 private:
  TempDir dir_;
  Prng prng_;
  std::shared_ptr<LyingFs> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  PumpLoop loop_;
  std::unique_ptr<io::RocksLogStore> store_;
  std::string error_;
  std::vector<std::string> texts_;  // the log after each batch, in order
  std::uint64_t acknowledged_ = 0;
};

std::uint64_t CallsOfTheWorkload() {
  CrashRun run(0);
  EXPECT_TRUE(run.Work());
  return run.disk().calls();
}

TEST(RocksLogCrash, APowerCutAtAnyCallLeavesAPrefixWithEverythingAcknowledged) {
  const std::uint64_t calls = CallsOfTheWorkload();
  ASSERT_GT(calls, 50U);
  for (std::uint64_t call = 1; call <= calls; ++call) {
    for (const auto keep : {LyingFs::Keep::kNothing, LyingFs::Keep::kPrefix}) {
      SCOPED_TRACE("power off at call " + std::to_string(call));
      CrashRun run(call);
      run.disk().PowerOffAtCall(call);
      run.Work();
      run.PowerCut(keep);
      run.ExpectAPrefix();
    }
  }
}

TEST(RocksLogCrash, RecoveryMayBeCutShortAtAnyCallAndStartedAgain) {
  const auto crash = [](CrashRun& run) {
    run.disk().PowerOffAtCall(70);
    run.Work();
    run.PowerCut(LyingFs::Keep::kPrefix);
  };
  for (std::uint64_t call = 1; call <= 30; ++call) {
    SCOPED_TRACE("power off at call " + std::to_string(call) + " of the recovery");
    CrashRun run(call);
    crash(run);
    run.disk().PowerOffAtCall(call);
    static_cast<void>(run.Open());
    run.PowerCut(LyingFs::Keep::kPrefix);
    run.ExpectAPrefix();
  }
}

TEST(RocksLogCrash, AfterAnErrorAtAnyCallNothingIsAcknowledgedAndARestartFindsAPrefix) {
  const std::uint64_t calls = CallsOfTheWorkload();
  for (std::uint64_t call = 1; call <= calls; ++call) {
    const bool no_space = call % 2 == 0;
    SCOPED_TRACE("error at call " + std::to_string(call));
    CrashRun run(call);
    run.disk().FailAtCall(
        call, no_space ? rocksdb::IOStatus::NoSpace("planted") : rocksdb::IOStatus::IOError("planted"), call % 3 == 0);
    run.Work();
    run.PowerCut(LyingFs::Keep::kPrefix);
    run.ExpectAPrefix();
  }
}

}  // namespace
}  // namespace metasrv::test
