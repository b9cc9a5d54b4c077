#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/sim/sim_machine.h"

namespace metasrv::io {
namespace {

const NodeId kNode(1);

sm::WriteBatch Put(const std::string& key, const std::string& value) {
  sm::WriteBatch batch;
  batch.Put(key, value);
  return batch;
}

class StateDisk : public testing::Test {
 protected:
  explicit StateDisk(std::uint64_t seed = 1)
      : world_(seed), network_(world_), machine_(world_, network_, kNode, {"n1", 1}) {
    machine_.PowerOn();
  }

  sm::Store& store() { return machine_.state_store(); }
  void Flush() {
    store().Flush([this](bool ok) { answers_ += ok ? "+" : "-"; });
  }
  void Install(std::vector<sm::Row> rows) {
    auto installer = store().NewInstaller();
    installer->Add(std::move(rows));
    installer->Commit([this](bool ok) { answers_ += ok ? "i" : "-"; });
  }
  void Settle() { world_.RunFor(Duration::Seconds(1)); }
  void Restart() {
    machine_.Crash();
    machine_.PowerOn();
  }
  std::optional<std::string> DurableValue(const std::string& key) {
    const std::string* value = machine_.disk().DurableState().Find(key);
    return value == nullptr ? std::nullopt : std::optional(*value);
  }

  World world_;
  SimNetwork network_;
  SimMachine machine_;
  std::string answers_;
};

TEST_F(StateDisk, ShowsAWriteAtOnceAndMakesItDurableWithTheFlush) {
  EXPECT_TRUE(store().Write(Put("k", "1")));
  EXPECT_EQ(store().Get("k"), "1");
  EXPECT_EQ(DurableValue("k"), std::nullopt);
  Flush();
  EXPECT_TRUE(store().Write(Put("k", "2")));
  EXPECT_EQ(answers_, "");
  Settle();
  EXPECT_EQ(answers_, "+");
  EXPECT_EQ(DurableValue("k"), "1") << "a flush covers what was written before it";
  EXPECT_EQ(store().Get("k"), "2");
  EXPECT_EQ(machine_.disk().PendingStateWrites(), 1U);
}

TEST_F(StateDisk, SnapshotsAndIteratorsDoNotSeeLaterWrites) {
  EXPECT_TRUE(store().Write(Put("a", "1")));
  const auto snapshot = store().NewSnapshot();
  const auto iterator = store().Scan("", "");
  EXPECT_TRUE(store().Write(Put("a", "2")));
  EXPECT_EQ(snapshot->Get("a"), "1");
  EXPECT_EQ(iterator->value(), "1");
  EXPECT_EQ(store().Get("a"), "2");
}

TEST_F(StateDisk, InstallsAllRowsAtOnceOrNone) {
  EXPECT_TRUE(store().Write(Put("old", "1")));
  Install({{"b", "2"}, {"a", "1"}});
  EXPECT_EQ(store().Get("old"), "1");
  EXPECT_EQ(store().Get("a"), std::nullopt);
  Settle();
  EXPECT_EQ(answers_, "i");
  EXPECT_EQ(store().Get("old"), std::nullopt);
  EXPECT_EQ(store().Get("a"), "1");
  Restart();
  EXPECT_EQ(store().Get("b"), "2");
}

TEST_F(StateDisk, ACrashBeforeTheInstallIsDurableKeepsTheOldState) {
  EXPECT_TRUE(store().Write(Put("old", "1")));
  Flush();
  Settle();
  Install({{"new", "1"}});
  Restart();
  EXPECT_EQ(store().Get("old"), "1");
  EXPECT_EQ(store().Get("new"), std::nullopt);
}

TEST_F(StateDisk, AFlushBehindAnInstallDoesNotBringTheOldStateBack) {
  EXPECT_TRUE(store().Write(Put("old", "1")));
  Install({{"new", "1"}});
  Flush();
  Settle();
  EXPECT_EQ(answers_, "i+");
  EXPECT_EQ(DurableValue("new"), "1");
  EXPECT_EQ(DurableValue("old"), std::nullopt);
}

TEST_F(StateDisk, FailsEverythingAfterADiskError) {
  EXPECT_TRUE(store().Write(Put("k", "1")));
  machine_.disk().FailNextStateSync();
  Flush();
  Settle();
  EXPECT_EQ(answers_, "-");
  EXPECT_FALSE(store().Write(Put("k", "2")));
  Flush();
  Settle();
  EXPECT_EQ(answers_, "--");
  Restart();
  EXPECT_TRUE(store().Write(Put("k", "3")));
}

TEST_F(StateDisk, AShutdownKeepsWhatWasWritten) {
  EXPECT_TRUE(store().Write(Put("k", "1")));
  machine_.Shutdown();
  machine_.PowerOn();
  EXPECT_EQ(store().Get("k"), "1");
}

TEST_F(StateDisk, AnInstallThatAShutdownInterruptsIsForgotten) {
  EXPECT_TRUE(store().Write(Put("old", "1")));
  Install({{"new", "1"}});
  machine_.Shutdown();
  machine_.PowerOn();
  Settle();
  EXPECT_EQ(store().Get("old"), "1");
  EXPECT_EQ(store().Get("new"), std::nullopt);
  EXPECT_EQ(DurableValue("old"), "1");
}

TEST_F(StateDisk, AKilledProcessMayLoseWhatWasNotFlushed) {
  const std::vector<Decision> schedule = {{"disk.state_prefix", 1, 0, 1}, {"disk.state_prefix_any", 1, 0, 1}};
  world_.draws().Override(schedule);
  EXPECT_TRUE(store().Write(Put("k", "1")));
  EXPECT_TRUE(store().Write(Put("k", "2")));
  machine_.KillProcess();
  machine_.PowerOn();
  EXPECT_EQ(store().Get("k"), "1");
}

TEST(StateCrash, KeepsAPrefixOfTheWritesAndNeverLessThanTheFlush) {
  std::set<std::string> kept;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    World world(seed);
    SimNetwork network(world);
    SimMachine machine(world, network, kNode, {"n1", 1});
    machine.PowerOn();
    ASSERT_TRUE(machine.state_store().Write(Put("k", "flushed")));
    machine.state_store().Flush([](bool) {});
    world.RunFor(Duration::Seconds(1));
    for (const char* value : {"1", "2", "3"}) ASSERT_TRUE(machine.state_store().Write(Put("k", value)));
    machine.Crash();
    machine.PowerOn();
    kept.insert(machine.state_store().Get("k").value_or("lost"));
  }
  EXPECT_EQ(kept, (std::set<std::string>{"flushed", "1", "2", "3"}));
}

}  // namespace
}  // namespace metasrv::io
