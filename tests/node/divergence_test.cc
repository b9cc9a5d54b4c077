// A replica whose state is wrong notices, stops serving it, and is filled again (docs/decisions/0022).
#include <gtest/gtest.h>

#include "consensus/core.h"
#include "sm/layout.h"
#include "sm/read.h"
#include "sm/state_hash.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::Machine;
using test::NodeWorld;

class Divergence : public ::testing::Test {
 protected:
  void Grow(std::uint64_t size, std::uint64_t checkpoint_interval, Duration scrub) {
    for (std::uint64_t id = 1; id <= size; ++id) {
      Machine& machine = world.Add(id);
      machine.options.checkpoint_interval = checkpoint_interval;
      machine.options.state_scrub_interval = scrub;
      machine.options.snapshot_logs_since_last = 10;
      machine.options.max_applied_log_to_keep = 2;
      if (id == 1) machine.options.single = true;
      if (id != 1) machine.options.join = {world[1].endpoint};
      world.Start(id);
      ASSERT_TRUE(world.RunUntil([&] { return machine.started.has_value(); }));
    }
    for (int i = 0; i < 20; ++i) world.Put(1, "key" + std::to_string(i), "v");
    world.loop.RunFor(Duration::Seconds(1));
  }
  // Changes a record behind the node's back; with `fix_hash` in such a way that only a comparison can tell.
  void Spoil(std::uint64_t id, bool fix_hash) {
    const std::string row = sm::RecordRow("key3");
    meta::SeqV record;
    ASSERT_TRUE(record.ParseFromString(*world[id].state.Get(row)));
    record.set_data("spoiled");
    sm::WriteBatch batch;
    batch.Put(row, record.SerializeAsString());
    ASSERT_TRUE(world[id].state.Write(std::move(batch)));
    if (!fix_hash) return;
    sm::WriteBatch hash;
    hash.Put(std::string(sm::kStateHashRow), std::to_string(sm::ComputeStateHash(world[id].state)));
    ASSERT_TRUE(world[id].state.Write(std::move(hash)));
    world.Crash(id);
    world.Start(id);
    world.AwaitLeader();
  }
  [[nodiscard]] std::size_t Count(std::uint64_t id, TraceKind kind) {
    std::size_t count = 0;
    for (const TraceEvent& event : world[id].trace.events) count += event.kind == kind ? 1 : 0;
    return count;
  }
  void ExpectRepaired(std::uint64_t id) {
    ASSERT_TRUE(world.RunUntil([&] { return Count(id, TraceKind::kResynced) == 1; }));
    EXPECT_FALSE(world.node(id).status().quarantined);
    EXPECT_EQ(Count(id, TraceKind::kQuarantined), 1);
    EXPECT_EQ(sm::ReadQuarantine(world[id].state), std::nullopt);
    EXPECT_EQ(world.Get(id, "key3"), "v");
    EXPECT_EQ(sm::ComputeStateHash(world[id].state), world.node(id).status().state_hash);
    EXPECT_EQ(world.Put(id, "after", "w").status, WriteStatus::kApplied);
    EXPECT_EQ(world.Get(id, "after"), "w");
  }

  NodeWorld world;
};

TEST_F(Divergence, AFollowerThatDiffersFromAMajorityIsFilledAgain) {
  Grow(3, 5, Duration());
  Spoil(3, true);
  for (int i = 0; i < 6; ++i) world.Put(1, "more" + std::to_string(i), "v");
  ExpectRepaired(3);
  EXPECT_EQ(Count(1, TraceKind::kQuarantined) + Count(2, TraceKind::kQuarantined), 0);
}

TEST_F(Divergence, ALeaderThatDiffersFromAMajorityStepsDown) {
  Grow(3, 5, Duration());
  const std::uint64_t leader = world.AwaitLeader();
  Spoil(leader, true);
  // Whoever leads after that restart: the wrong state must not.
  for (int i = 0; i < 6; ++i) world.Put(leader == 2 ? 3 : 2, "more" + std::to_string(i), "v");
  ExpectRepaired(leader);
}

TEST_F(Divergence, RowsThatDoNotAddUpAreFoundWithoutAnybodyElse) {
  Grow(3, 0, Duration::Seconds(5));
  Spoil(2, false);
  ExpectRepaired(2);
}

TEST_F(Divergence, AWrongLeaderIsFoundByItsOwnScrubAndMakesWay) {
  Grow(3, 0, Duration::Seconds(5));
  const std::uint64_t leader = world.AwaitLeader();
  Spoil(leader, false);
  ExpectRepaired(leader);
  EXPECT_NE(world.AwaitLeader(), leader);
}

TEST_F(Divergence, AQuarantinedNodeServesNoReadAndStaysSoAfterARestart) {
  Grow(3, 0, Duration::Seconds(5));
  Spoil(3, false);
  world.network.cut_off = {world[3].endpoint};
  ASSERT_TRUE(world.RunUntil([&] { return Count(3, TraceKind::kQuarantined) == 1; }));
  EXPECT_TRUE(world.node(3).status().quarantined);
  EXPECT_EQ(world.Get(3, "key1"), "?");
  world.Crash(3);
  world.StartBare(3);
  EXPECT_TRUE(world.node(3).status().quarantined);
  EXPECT_EQ(world.Get(3, "key1"), "?");
  EXPECT_FALSE(std::holds_alternative<Leader>(world.node(3).raft().core().role()));
  world.network.cut_off.clear();
  ASSERT_TRUE(world.RunUntil([&] { return Count(3, TraceKind::kResynced) == 1; }));
  EXPECT_EQ(world.Get(3, "key3"), "v");
}

TEST_F(Divergence, WithoutAMajorityNobodyActsAndTheOperatorIsTold) {
  Grow(2, 5, Duration());
  Spoil(2, true);
  for (int i = 0; i < 6; ++i) world.Put(1, "more" + std::to_string(i), "v");
  ASSERT_TRUE(world.RunUntil([&] { return Count(1, TraceKind::kDivergenceDisputed) > 0; }));
  EXPECT_GE(world.node(1).status().state_disputes, 1);
  EXPECT_EQ(Count(1, TraceKind::kQuarantined) + Count(2, TraceKind::kQuarantined), 0);
}

TEST_F(Divergence, ASenderWhoseRowsAreDoubtedLooksAtThemAtOnce) {
  Grow(3, 0, Duration());
  const std::uint64_t leader = world.AwaitLeader();
  Spoil(leader, false);
  Machine& joiner = world.Add(4);
  joiner.options.join = {world[1].endpoint, world[2].endpoint, world[3].endpoint};
  world.Start(4);
  ASSERT_TRUE(world.RunUntil([&] { return Count(4, TraceKind::kSnapshotDamaged) == 1; }));
  ExpectRepaired(leader);
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  EXPECT_EQ(world.Get(4, "key3"), "v");
}

}  // namespace
}  // namespace metasrv::node
