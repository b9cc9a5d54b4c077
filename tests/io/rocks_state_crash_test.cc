// RocksStateStore under a file system that loses power at any chosen call. The oracle: what is found is the state after
// some prefix of the issued operations that includes everything reported durable.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/real/rocks_state_store.h"
#include "tests/io/state_world.h"
#include "tests/support/lying_fs.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {

constexpr std::uint64_t kSteps = 24;

class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed)
      : prng_(seed), disk_(std::make_shared<LyingFs>(dir_ / "graveyard")), env_(NewEnvOver(disk_)) {}

  LyingFs& disk() { return *disk_; }

  // Writes, flushes and replaces the state, until the end or the first failure.
  void Work() {
    if (!Open()) return;
    for (std::uint64_t step = 1; step <= kSteps; ++step) {
      const bool ok = step % 9 == 5 ? Install(step) : Write(step);
      if (!ok || (step % 4 == 0 && !Flush())) break;
    }
    Close();
  }
  void PowerCut(LyingFs::Keep keep) {
    disk_->PowerOff();
    Close();
    disk_->PowerOn(prng_, keep);
  }
  void ExpectAPrefix() {
    ASSERT_TRUE(Open());
    const std::string found = Show(*store_);
    const auto from = texts_.begin() + static_cast<std::ptrdiff_t>(durable_);
    EXPECT_TRUE(std::find(from, texts_.end(), found) != texts_.end())
        << durable_ << " of " << texts_.size() - 1 << " steps were durable; found " << found;
    // And the store is of use.
    EXPECT_TRUE(Write(100));
    EXPECT_TRUE(Flush());
    Close();
  }

 private:
  bool Open() {
    io::RocksStateOptions options;
    options.directory = dir_ / "state";
    options.env = env_.get();
    options.memtable_bytes = std::size_t{64} << 10U;
    auto opened = io::RocksStateStore::Open(options, loop_);
    if (!opened) return false;
    store_ = *std::move(opened);
    return true;
  }
  void Close() {
    store_.reset();
    loop_.Clear();
  }

  bool Write(std::uint64_t step) {
    sm::WriteBatch batch;
    for (int i = 0; i < 5; ++i) batch.Put("k" + std::to_string(prng_.Below(20)), std::to_string(step));
    batch.Put("large", std::string(4000, static_cast<char>('a' + step % 26)));
    batch.Delete("k" + std::to_string(prng_.Below(20)));
    ApplyTo(model_, batch);
    texts_.push_back(Show(model_));
    return store_->Write(std::move(batch));
  }
  bool Flush() {
    return Await([this](auto done) { store_->Flush(std::move(done)); });
  }
  bool Install(std::uint64_t step) {
    model_.clear();
    for (int i = 0; i < 30; ++i) model_["i" + std::to_string(i)] = std::string(500, static_cast<char>('a' + step % 26));
    texts_.push_back(Show(model_));
    const auto installer = store_->NewInstaller();
    for (const auto& row : model_) installer->Add({row});
    return Await([&installer](auto done) { installer->Commit(std::move(done)); });
  }
  template <class Start>
  bool Await(Start start) {
    std::optional<bool> answer;
    start([&answer](bool ok) { answer = ok; });
    loop_.RunUntil([&] { return answer.has_value(); });
    if (*answer) durable_ = texts_.size() - 1;
    return *answer;
  }

  TempDir dir_;
  Prng prng_;
  std::shared_ptr<LyingFs> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  PumpLoop loop_;
  std::unique_ptr<io::RocksStateStore> store_;
  std::map<std::string, std::string> model_;
  std::vector<std::string> texts_ = {""};  // the state after each step, in order
  std::size_t durable_ = 0;
};

std::uint64_t CallsOfTheWorkload() {
  CrashRun run(0);
  run.Work();
  return run.disk().calls();
}

TEST(RocksStateCrash, APowerCutAtAnyCallLeavesAPrefixWithEverythingThatWasDurable) {
  const std::uint64_t calls = CallsOfTheWorkload();
  ASSERT_GT(calls, 50U);
  for (std::uint64_t call = 1; call <= calls; ++call) {
    SCOPED_TRACE("power off at call " + std::to_string(call));
    CrashRun run(call);
    run.disk().PowerOffAtCall(call);
    run.Work();
    run.PowerCut(call % 2 == 0 ? LyingFs::Keep::kNothing : LyingFs::Keep::kPrefix);
    run.ExpectAPrefix();
  }
}

TEST(RocksStateCrash, AfterAnErrorAtAnyCallARestartFindsAPrefix) {
  const std::uint64_t calls = CallsOfTheWorkload();
  for (std::uint64_t call = 1; call <= calls; call += 2) {
    SCOPED_TRACE("error at call " + std::to_string(call));
    CrashRun run(call);
    run.disk().FailAtCall(call, rocksdb::IOStatus::IOError("planted"), call % 3 == 0);
    run.Work();
    run.PowerCut(LyingFs::Keep::kPrefix);
    run.ExpectAPrefix();
  }
}

TEST(RocksStateDeathTest, AReadThatFailsEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto read_damaged = [] {
    const TempDir dir;
    PumpLoop loop;
    io::RocksStateOptions options;
    options.directory = dir / "state";
    auto store = *io::RocksStateStore::Open(options, loop);
    std::string noise;  // so that it is not compressed to next to nothing
    for (Prng prng(1); noise.size() < 100000;) noise += static_cast<char>(prng.Below(256));
    for (const char* key : {"a", "b", "c"}) static_cast<void>(store->Write(Putting(key, noise)));
    bool flushed = false;
    store->Flush([&](bool) { flushed = true; });
    loop.RunUntil([&] { return flushed; });
    store.reset();
    for (const auto& file : std::filesystem::directory_iterator(options.directory)) {
      if (file.path().extension() != ".sst") continue;
      std::fstream table(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      table.seekp(100);
      table << "damage";
    }
    store = *io::RocksStateStore::Open(options, loop);
    static_cast<void>(store->Get("a"));
  };
  EXPECT_DEATH(read_damaged(), "fatal: corrupt data: read state");
}

}  // namespace
}  // namespace metasrv::test
