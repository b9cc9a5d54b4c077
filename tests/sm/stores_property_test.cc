// The state machine on both stores against the model, step by step: random entries of every kind, in batches, with
// restarts, by a clock that steps both ways.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/real/rocks_state_store.h"
#include "sm/layout.h"
#include "sm/machine.h"
#include "sm/mem_store.h"
#include "sm/read.h"
#include "sm/state_hash.h"
#include "tests/sm/notation.h"
#include "tests/sm/random_commands.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::testing {

// One entry, and what happens around it.
struct Step {
  pb::Command command;  // empty: a blank or a membership entry
  std::optional<meta::Membership> membership;
  bool ends_batch = true;
  bool restarts = false;  // after the batch
  bool flushes = false;   // after the batch
  std::string key;        // to be read after the batch
  std::string prefix;
  std::uint64_t now = 0;
};

void showValue(const Step& step, std::ostream& os) {
  os << (step.membership ? "membership" : step.command.ShortDebugString()) << (step.ends_batch ? " |" : "")
     << (step.restarts ? " restart" : "") << (step.flushes ? " flush" : "") << " read " << step.key << ", "
     << step.prefix << "* at " << step.now << "\n";
}

namespace {

bool OneIn(int count) { return *rc::gen::inRange(0, count) == count - 1; }

rc::Gen<Step> AnyStep() {
  return rc::gen::exec([] {
    Step step;
    if (OneIn(12)) {
      if (OneIn(2)) step.membership.emplace().add_nodes(*rc::gen::inRange<std::uint64_t>(0, 4));
    } else {
      step.command = *AnyCommand();
      if (OneIn(3)) step.command.set_request_id(*rc::gen::element<std::string>("a", "b", "c"));
      // Names are forgotten after ten minutes; now and then the clock jumps by about as much.
      const std::uint64_t minutes = OneIn(6) ? *rc::gen::inRange<std::uint64_t>(9, 12) : 0;
      if (step.command.has_time_ms()) step.command.set_time_ms(step.command.time_ms() + minutes * 60'000);
    }
    step.ends_batch = !OneIn(3);
    step.restarts = OneIn(10);
    step.flushes = OneIn(20);
    step.key = *AnyKey();
    step.prefix = *AnyPrefix();
    step.now = *AnyTime();
    return step;
  });
}

std::string Bytes(const std::optional<meta::SeqV>& record) { return record ? record->SerializeAsString() : "absent"; }

void ExpectSame(const sm::Applied& applied, const SmModel::Outcome& expected) {
  RC_ASSERT(applied.reply.SerializeAsString() == expected.reply.SerializeAsString());
  RC_ASSERT(applied.changes.size() == expected.changes.size());
  for (std::size_t i = 0; i < expected.changes.size(); ++i) {
    RC_ASSERT(applied.changes[i].key == expected.changes[i].key);
    RC_ASSERT(Bytes(applied.changes[i].before) == Bytes(expected.changes[i].before));
    RC_ASSERT(Bytes(applied.changes[i].after) == Bytes(expected.changes[i].after));
  }
}

void ExpectReads(const sm::Reader& state, const SmModel& model, const Step& step) {
  RC_ASSERT(Bytes(sm::GetRecord(state, step.key, WallMillis(step.now))) == Bytes(model.Get(step.key, step.now)));
  sm::PrefixScan scan(state, step.prefix, WallMillis(step.now));
  for (const meta::StreamItem& expected : model.List(step.prefix, step.now)) {
    const auto item = scan.Next();
    RC_ASSERT(item.has_value());
    RC_ASSERT(item->SerializeAsString() == expected.SerializeAsString());
  }
  RC_ASSERT(!scan.Next().has_value());
}

// A RocksDB for many cases: opening one for each would be nearly all of the work.
class Rocks {
 public:
  // The store without a row.
  sm::Store& Emptied() {
    if (cases_++ % kCasesPerDatabase == 0) {
      Reopen();
    } else {
      Empty();
    }
    return *store_;
  }
  // Waits until what was written is on the disk.
  void Flush() {
    bool flushed = false;
    store_->Flush([&](bool ok) { flushed = ok; });
    loop_.RunUntil([&] { return flushed; });
  }

 private:
  static constexpr int kCasesPerDatabase = 1000;

  void Empty() {
    sm::WriteBatch batch;
    for (auto rows = store_->Scan("", ""); rows->Valid(); rows->Next()) batch.Delete(std::string(rows->key()));
    RC_ASSERT(store_->Write(std::move(batch)));
  }
  void Reopen() {
    store_.reset();
    loop_.Clear();
    directory_.emplace();
    io::RocksStateOptions options;
    options.directory = *directory_ / "state";
    options.memtable_bytes = std::size_t{64} << 10U;  // small, so that RocksDB flushes by itself, too
    auto opened = io::RocksStateStore::Open(options, loop_);
    RC_ASSERT(opened.has_value());
    store_ = *std::move(opened);
  }

  test::PumpLoop loop_;
  std::optional<test::TempDir> directory_;
  std::unique_ptr<io::RocksStateStore> store_;
  int cases_ = 0;
};

// The machine on one store, and a view of it from an earlier step with what it must show.
struct Subject {
  explicit Subject(sm::Store& on) : store(on), machine(std::in_place, on) {}

  sm::Store& store;
  std::optional<sm::Machine> machine;
  std::shared_ptr<const sm::Snapshot> view;
};

void ApplyBatch(Subject& subject, std::span<const sm::LogEntry> entries, std::span<const SmModel::Outcome> expected) {
  const auto applied = subject.machine->Apply(entries);
  RC_ASSERT(applied.has_value());
  RC_ASSERT(applied->size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    RC_ASSERT((*applied)[i].id == entries[i].id);
    ExpectSame((*applied)[i], expected[i]);
  }
  RC_ASSERT(sm::ReadLastApplied(subject.store) == entries.back().id);
  RC_ASSERT(subject.machine->state_hash() == sm::ComputeStateHash(subject.store));
}

bool SameState(const SmModel& state, const SmModel& model) { return Print(state) == Print(model); }

struct Batch {
  std::vector<sm::LogEntry> entries;
  std::vector<SmModel::Outcome> expected;
};

void RunAnySteps(Rocks& database) {
  auto steps = *rc::gen::container<std::vector<Step>>(AnyStep());
  if (!steps.empty()) steps.back().ends_batch = true;
  std::vector<std::string> payloads;
  for (const Step& step : steps) payloads.push_back(step.command.SerializeAsString());

  sm::MemStore mem;
  sm::Store& rocks = database.Emptied();
  Subject subjects[] = {Subject(mem), Subject(rocks)};
  SmModel model;
  SmModel earlier;
  Step read_earlier;
  Batch batch;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    const LogId id{Term(1 + i / 7), NodeId(1), LogIndex(i)};
    batch.entries.push_back({id, payloads[i], step.membership ? &*step.membership : nullptr});
    batch.expected.push_back(payloads[i].empty() ? SmModel::Outcome() : model.Apply(step.command));
    if (!step.ends_batch) continue;
    for (Subject& subject : subjects) {
      ApplyBatch(subject, batch.entries, batch.expected);
      RC_ASSERT(SameState(StateOf(subject.store), model));
      ExpectReads(subject.store, model, step);
      if (subject.view) ExpectReads(*subject.view, earlier, read_earlier);
      if (step.restarts) subject.machine.emplace(subject.store);
      subject.view = subject.store.NewSnapshot();
    }
    RC_ASSERT(sm::HashState(mem) == sm::HashState(rocks));
    if (step.flushes) database.Flush();
    earlier = model;
    read_earlier = step;
    batch = {};
  }
}

TEST(MachineOnBothStores, DoesWhatTheModelDoesAtEveryStep) {
  Rocks database;
  EXPECT_TRUE(rc::check([&] { RunAnySteps(database); }));
}

}  // namespace
}  // namespace metasrv::testing
