#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "io/sim/sim_machine.h"

namespace metasrv::io {
namespace {

const NodeId kNode(1);

LogId Id(std::uint64_t index, std::uint64_t term = 1) { return {Term(term), kNode, LogIndex(index)}; }

LogBatch Append(std::uint64_t first, std::uint64_t count = 1) {
  LogBatch batch;
  for (std::uint64_t i = first; i < first + count; ++i) batch.append.push_back(Entry::Normal(Id(i), "payload"));
  return batch;
}

LogBatch Vote(std::uint64_t term) {
  LogBatch batch;
  batch.hard_state = HardState{Term(term), kNode, false};
  return batch;
}

class LogDisk : public testing::Test {
 protected:
  explicit LogDisk(std::uint64_t seed = 1, const Faults& faults = {})
      : world_(seed), network_(world_), machine_(world_, network_, kNode, {"n1", 1}, faults) {
    machine_.PowerOn();
  }

  // Writes and notes the outcome as "+" or the error's name.
  void Write(LogBatch batch) {
    machine_.log_store().Write(std::move(batch), [this](std::expected<void, Error> result) {
      answers_.push_back(result ? "+" : ToString(result.error().kind));
    });
  }
  void Settle() { world_.RunFor(Duration::Seconds(1)); }
  std::size_t LoadedEntries() { return machine_.log_store().Load()->entries.size(); }

  World world_;
  SimNetwork network_;
  SimMachine machine_;
  std::vector<std::string> answers_;
};

using Answers = std::vector<std::string>;

TEST_F(LogDisk, ShowsAWriteAtOnceButPromisesItOnlyAfterTheSync) {
  Write(Append(0, 3));
  Write(Vote(4));
  EXPECT_EQ(LoadedEntries(), 3U);
  EXPECT_EQ(machine_.disk().DurableLogEnd(), LogIndex(0));
  EXPECT_FALSE(machine_.disk().DurableHardState().has_value());
  EXPECT_TRUE(answers_.empty());
  Settle();
  EXPECT_EQ(machine_.disk().DurableLogEnd(), LogIndex(3));
  EXPECT_EQ(machine_.disk().DurableLastLogId(), Id(2));
  EXPECT_NE(machine_.disk().DurableEntry(LogIndex(1)), nullptr);
  EXPECT_EQ(machine_.disk().DurableEntry(LogIndex(3)), nullptr);
  EXPECT_EQ(machine_.disk().DurableHardState()->term, Term(4));
  EXPECT_EQ(answers_, (Answers{"+", "+"}));
}

TEST_F(LogDisk, SyncsWhatQueuedWhileTheLastSyncRanInOneGo) {
  int syncs = 0;
  machine_.disk().SetObserver([&](NodeId, DiskStep step) { syncs += step == DiskStep::kLogDurable ? 1 : 0; });
  for (std::uint64_t i = 0; i < 10; ++i) Write(Append(i));
  Settle();
  EXPECT_EQ(syncs, 2) << "the first write alone, then the other nine";
  EXPECT_EQ(answers_.size(), 10U);
}

TEST_F(LogDisk, AppliesABatchInMemberOrder) {
  Write(Append(0, 6));
  LogBatch batch = Append(3, 2);
  batch.truncate_from = LogIndex(3);
  batch.purge_to = Id(1);
  Write(std::move(batch));
  const LogContents contents = *machine_.log_store().Load();
  EXPECT_EQ(contents.purged, Id(1));
  ASSERT_EQ(contents.entries.size(), 3U);
  EXPECT_EQ(contents.entries.front().id, Id(2));
  EXPECT_EQ(contents.entries.back().id, Id(4));
  LogBatch reset = Append(11);
  reset.reset_to = Id(10);
  Write(std::move(reset));
  EXPECT_EQ(machine_.log_store().Load()->entries.size(), 1U);
  EXPECT_EQ(machine_.disk().IssuedLog().end(), LogIndex(12));
}

TEST_F(LogDisk, NeverCallsBackAfterACrashAndRestartsFromWhatIsLeft) {
  Write(Append(0, 2));
  Settle();
  answers_.clear();
  Write(Append(2));
  machine_.Crash();
  machine_.PowerOn();
  Settle();
  EXPECT_TRUE(answers_.empty());
  EXPECT_GE(LoadedEntries(), 2U);
  EXPECT_EQ(machine_.disk().DurableLogEnd(), machine_.disk().IssuedLog().end());
}

TEST_F(LogDisk, IgnoresWritesOfAHandleThatDiedInACrash) {
  machine_.Crash();
  Write(Append(0));
  machine_.PowerOn();
  Settle();
  EXPECT_EQ(LoadedEntries(), 0U);
  EXPECT_TRUE(answers_.empty());
}

TEST_F(LogDisk, AShutdownLosesNothingThatWasIssued) {
  Write(Append(0, 2));
  Write(Append(2, 2));
  machine_.Shutdown();
  machine_.PowerOn();
  EXPECT_EQ(LoadedEntries(), 4U);
  EXPECT_EQ(machine_.disk().DurableLogEnd(), LogIndex(4)) << "opening syncs what it finds";
  Settle();
  EXPECT_TRUE(answers_.empty());
}

TEST_F(LogDisk, AKilledProcessLeavesEveryIssuedWriteToTheNext) {
  Write(Append(0, 2));
  Write(Append(2, 2));
  machine_.KillProcess();
  Write(Append(4));
  machine_.PowerOn();
  EXPECT_EQ(LoadedEntries(), 4U);
  EXPECT_EQ(machine_.disk().DurableLogEnd(), LogIndex(4));
  EXPECT_EQ(machine_.disk().PendingLogWrites(), 0U);
  Write(Append(4));
  Settle();
  EXPECT_EQ(answers_, (Answers{"+"}));
}

TEST_F(LogDisk, FailsEverythingAfterAFailedSync) {
  Write(Append(0));
  Write(Append(1));
  machine_.disk().FailNextLogSync();
  Settle();
  Write(Append(2));
  Settle();
  EXPECT_EQ(answers_,
            (Answers{"I/O error", "stopped after an earlier disk error", "stopped after an earlier disk error"}));
  EXPECT_EQ(machine_.disk().DurableLogEnd(), LogIndex(0));
  EXPECT_EQ(machine_.disk().PendingLogWrites(), 2U) << "a crash may still keep them";
  machine_.Crash();
  machine_.PowerOn();
  answers_.clear();
  const std::uint64_t next = machine_.disk().IssuedLog().end().value();
  EXPECT_LE(next, 2U);
  Write(Append(next));
  Settle();
  EXPECT_EQ(answers_, (Answers{"+"}));
}

TEST_F(LogDisk, RefusesGrowthOnAFullDiskAndLeavesTheLogAsItWas) {
  Write(Append(0, 2));
  machine_.disk().SetFull(true);
  Write(Vote(2));
  Write(Append(2));
  Write(Vote(3));
  EXPECT_EQ(LoadedEntries(), 2U);
  Settle();
  EXPECT_EQ(answers_, (Answers{"+", "+", "no space left on the disk", "stopped after an earlier disk error"}));
  EXPECT_EQ(machine_.disk().DurableHardState()->term, Term(2));
  machine_.Crash();
  machine_.PowerOn();
  EXPECT_EQ(LoadedEntries(), 2U) << "starting works on a full disk";
}

TEST_F(LogDisk, AStallDelaysCompletionsUntilItEnds) {
  machine_.disk().SetStalled(true);
  Write(Append(0));
  Settle();
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(machine_.disk().DurableLogEnd(), LogIndex(0));
  machine_.disk().SetStalled(false);
  Settle();
  EXPECT_EQ(answers_, (Answers{"+"}));
}

TEST_F(LogDisk, HeldReadsArriveWhenTheyAreLetGo) {
  Write(Append(0, 2));
  Settle();
  machine_.disk().SetReadsHeld(true);
  std::vector<std::size_t> arrived;
  machine_.log_store().Read(LogIndex(0), LogIndex(2), 1000, [&](auto entries) { arrived.push_back(entries->size()); });
  Settle();
  EXPECT_TRUE(arrived.empty());
  machine_.disk().SetReadsHeld(false);
  Settle();
  EXPECT_EQ(arrived, (std::vector<std::size_t>{2}));
}

TEST_F(LogDisk, HeldReadsOfAProcessThatDiedNeverArrive) {
  Write(Append(0, 2));
  Settle();
  machine_.disk().SetReadsHeld(true);
  machine_.log_store().Read(LogIndex(0), LogIndex(2), 1000, [](auto) { ADD_FAILURE() << "its process is gone"; });
  Settle();
  machine_.Crash();
  machine_.PowerOn();
  machine_.disk().SetReadsHeld(false);
  Settle();
}

TEST_F(LogDisk, ASlowDiskTakesAMultipleOfTheTime) {
  DiskFaults faults;
  faults.sync_min = faults.sync_max = Duration::Millis(1);
  machine_.disk().SetFaults(faults);
  machine_.disk().SetSlowdown(50);
  Write(Append(0));
  world_.RunFor(Duration::Micros(49'999));
  EXPECT_TRUE(answers_.empty());
  world_.RunFor(Duration::Micros(1));
  EXPECT_EQ(answers_, (Answers{"+"}));
}

TEST_F(LogDisk, CorruptionIsAnErrorAndNotAShorterLog) {
  Write(Append(0, 2));
  Settle();
  machine_.disk().CorruptLog();
  ASSERT_FALSE(machine_.log_store().Load().has_value());
  EXPECT_EQ(machine_.log_store().Load().error().kind, ErrorKind::kCorrupt);
}

TEST_F(LogDisk, AWipedDiskHasNoIdentity) {
  LogBatch batch = Append(0);
  batch.node_id = kNode;
  Write(std::move(batch));
  Settle();
  machine_.Crash();
  machine_.Wipe();
  machine_.PowerOn();
  const LogContents contents = *machine_.log_store().Load();
  EXPECT_FALSE(contents.node_id.has_value());
  EXPECT_TRUE(contents.entries.empty());
}

// One crash with five unsynced batches of two entries each, after two durable entries.
std::uint64_t EndAfterCrash(std::uint64_t seed, bool torn, bool* left_torn = nullptr) {
  World world(seed);
  SimNetwork network(world);
  Faults faults;
  faults.disk.torn_writes = torn;
  SimMachine machine(world, network, kNode, {"n1", 1}, faults);
  machine.PowerOn();
  machine.log_store().Write(Append(0, 2), [](auto) {});
  world.RunFor(Duration::Seconds(1));
  for (std::uint64_t i = 2; i < 12; i += 2) machine.log_store().Write(Append(i, 2), [](auto) {});
  machine.Crash();
  if (left_torn != nullptr) *left_torn = machine.disk().HasTornRecord();
  machine.PowerOn();
  const LogContents first = *machine.log_store().Load();
  machine.Shutdown();
  machine.PowerOn();
  EXPECT_EQ(machine.log_store().Load()->entries, first.entries) << "opening twice gives the same answer";
  EXPECT_FALSE(machine.disk().HasTornRecord());
  return machine.disk().DurableLogEnd().value();
}

TEST(LogCrash, KeepsEveryPrefixOfWholeBatchesForSomeSeedAndNothingElse) {
  std::set<std::uint64_t> ends;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) ends.insert(EndAfterCrash(seed, false));
  EXPECT_EQ(ends, (std::set<std::uint64_t>{2, 4, 6, 8, 10, 12}));
}

TEST(LogCrash, DropsATornRecordAsAWholeWhenTheStoreIsOpened) {
  int torn_seen = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    bool torn = false;
    const std::uint64_t end = EndAfterCrash(seed, true, &torn);
    EXPECT_EQ(end % 2, 0U);
    EXPECT_EQ(end, EndAfterCrash(seed, false)) << "tearing the tail does not change what is kept";
    torn_seen += torn ? 1 : 0;
  }
  EXPECT_GT(torn_seen, 20);
}

TEST(LogCrash, CanBeOverriddenByName) {
  World world(1);
  SimNetwork network(world);
  SimMachine machine(world, network, kNode, {"n1", 1});
  const std::vector<Decision> schedule = {{"disk.log_prefix", 1, 0, 3}};
  world.draws().Override(schedule);
  machine.PowerOn();
  for (std::uint64_t i = 0; i < 5; ++i) machine.log_store().Write(Append(i), [](auto) {});
  machine.Crash();
  EXPECT_EQ(machine.disk().DurableLogEnd(), LogIndex(3));
}

}  // namespace
}  // namespace metasrv::io
