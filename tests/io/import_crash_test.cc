// An import into the real stores, under file systems that lose power at any chosen call. What was reported durable is
// all there afterwards, whatever else was lost.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/exporter.h"
#include "backup/import.h"
#include "backup/store_sink.h"
#include "io/real/rocks_log_store.h"
#include "io/real/rocks_state_store.h"
#include "tests/support/lying_fs.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {

using Lines = std::vector<std::string>;

Lines Document() {
  const auto log_id = [](int index) {
    return R"({"leader_id":{"term":1,"node_id":1},"index":)" + std::to_string(index) + "}";
  };
  Lines lines = {R"(["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}])",
                 R"(["raft_log",{"NodeId":1}])",
                 R"(["raft_log",{"Vote":{"leader_id":{"term":1,"node_id":1},"committed":true}}])",
                 R"(["raft_log",{"Committed":)" + log_id(120) + "}]", R"(["raft_log",{"Purged":)" + log_id(60) + "}]"};
  for (int index = 61; index <= 120; ++index) {
    lines.push_back(R"(["raft_log",{"LogEntry":{"log_id":)" + log_id(index) + R"(,"payload":"Blank"}}])");
  }
  lines.push_back(R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":100}}])");
  lines.push_back(R"(["state_machine/0",{"StateMachineMeta":{"key":"LastApplied","value":{"LogId":)" + log_id(120) +
                  "}}}]");
  lines.push_back(
      R"(["state_machine/0",{"StateMachineMeta":{"key":"LastMembership","value":{"Membership":{"log_id":null,)"
      R"("membership":{"configs":[[1]],"nodes":{"1":{}}}}}}}])");
  std::string data = "1";
  for (int i = 0; i < 1000; ++i) data += ",1";
  for (int i = 100; i < 200; ++i) {
    lines.push_back(R"(["state_machine/0",{"GenericKV":{"key":"k)" + std::to_string(i) + R"(","value":{"seq":)" +
                    std::to_string(i - 99) + R"(,"meta":null,"data":[)" + data + "]}}}]");
  }
  return lines;
}

// One import, and what a power cut leaves of it.
class ImportRun {
 public:
  LyingFs& log_disk() { return *log_disk_; }
  LyingFs& state_disk() { return *state_disk_; }

  // Whether everything was reported durable.
  bool Import(const Lines& lines) {
    if (!Open()) return false;
    backup::StoreSink sink(*log_, *state_);
    backup::Importer importer(sink);
    bool ok = true;
    for (const std::string& line : lines) ok = ok && importer.Add(line).has_value();
    ok = ok && importer.Finish().has_value() && Sync();
    ok = ok && !sink.log_error().has_value();
    Close();
    return ok;
  }

  void PowerCut(LyingFs::Keep keep) {
    for (const auto& disk : {log_disk_, state_disk_}) {
      disk->PowerOff();
      disk->PowerOn(prng_, keep);
    }
  }

  Lines Export() {
    Lines lines;
    if (!Open()) return lines;
    io::LogContents log = *log_->Load();
    {
      backup::Exporter exporter(backup::Source{log.node_id.value(), log.hard_state, log.committed, log.purged,
                                               std::make_unique<io::VectorCursor>(log.entries), state_->NewSnapshot()});
      for (std::string line; exporter.Next(&line);) lines.push_back(line);
    }
    Close();
    return lines;
  }

 private:
  bool Open() {
    auto log = io::RocksLogStore::Open({.directory = dir_ / "log", .env = log_env_.get()}, loop_);
    if (!log) return false;
    log_ = *std::move(log);
    io::RocksStateOptions options;
    options.directory = dir_ / "state";
    options.memtable_bytes = std::size_t{64} << 10U;
    options.env = state_env_.get();
    auto state = io::RocksStateStore::Open(options, loop_);
    if (!state) Close();
    if (!state) return false;
    state_ = *std::move(state);
    return true;
  }
  void Close() {
    state_.reset();
    log_.reset();
    loop_.Clear();
  }
  bool Sync() {
    std::optional<bool> log_ok;
    std::optional<bool> state_ok;
    log_->Write({}, [&](const std::expected<void, io::Error>& written) { log_ok = written.has_value(); });
    state_->Flush([&](bool ok) { state_ok = ok; });
    loop_.RunUntil([&] { return log_ok && state_ok; });
    return *log_ok && *state_ok;
  }

  TempDir dir_;
  Prng prng_{1};
  std::shared_ptr<LyingFs> log_disk_ = std::make_shared<LyingFs>(dir_ / "log-graveyard");
  std::shared_ptr<LyingFs> state_disk_ = std::make_shared<LyingFs>(dir_ / "state-graveyard");
  std::unique_ptr<rocksdb::Env> log_env_ = NewEnvOver(log_disk_);
  std::unique_ptr<rocksdb::Env> state_env_ = NewEnvOver(state_disk_);
  PumpLoop loop_;
  std::unique_ptr<io::RocksLogStore> log_;
  std::unique_ptr<io::RocksStateStore> state_;
};

TEST(ImportCrash, WhatWasReportedDurableOutlivesAPowerCut) {
  const Lines lines = Document();
  for (const auto keep : {LyingFs::Keep::kNothing, LyingFs::Keep::kPrefix}) {
    ImportRun run;
    ASSERT_TRUE(run.Import(lines));
    run.PowerCut(keep);
    EXPECT_EQ(run.Export(), lines);
  }
}

TEST(ImportCrash, APowerCutAtAnyCallIsReportedUnlessEverythingIsThere) {
  const Lines lines = Document();
  ImportRun whole;
  ASSERT_TRUE(whole.Import(lines));
  const std::uint64_t log_calls = whole.log_disk().calls();
  const std::uint64_t state_calls = whole.state_disk().calls();
  std::uint64_t cut = 0;
  const auto check = [&](ImportRun& run) {
    const bool reported = run.Import(lines);
    run.PowerCut(LyingFs::Keep::kNothing);
    if (reported) {
      EXPECT_EQ(run.Export(), lines);
    }
    cut += reported ? 0 : 1;
  };
  for (std::uint64_t call = 1; call <= log_calls; ++call) {
    ImportRun run;
    run.log_disk().PowerOffAtCall(call);
    check(run);
  }
  for (std::uint64_t call = 1; call <= state_calls; ++call) {
    ImportRun run;
    run.state_disk().PowerOffAtCall(call);
    check(run);
  }
  EXPECT_GT(cut, (log_calls + state_calls) / 2);
}

}  // namespace
}  // namespace metasrv::test
