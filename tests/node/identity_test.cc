// Emptied and exchanged data directories, strangers' messages (docs/decisions/0013; operations.md §2.7).
#include <gtest/gtest.h>

#include "consensus/core.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::Machine;
using test::NodeWorld;

const Membership kTrio = UniformMembership({NodeId(1), NodeId(2), NodeId(3)});

// Node `id` gets an empty disk and starts with --join.
Machine& StartEmptied(NodeWorld& world, std::uint64_t id, bool join = true) {
  world.Crash(id);
  Machine& machine = world.Add(id);
  machine.seed = 1000 + id;
  if (join) {
    for (std::uint64_t other = 1; other <= 3; ++other) {
      if (other != id) machine.options.join.push_back({"host-" + std::to_string(other), 28003});
    }
  }
  world.Start(id);
  return machine;
}

bool Started(NodeWorld& world, Machine& machine) {
  return world.RunUntil([&] { return machine.started.has_value(); }) && machine.started->has_value();
}

Incarnation DiskOf(NodeWorld& world, std::uint64_t id) { return world.node(id).raft().core().incarnation(); }

pb::PeerMessage MessageTo(std::uint64_t to, std::uint64_t term) {
  pb::PeerMessage message;
  message.set_from(2);
  message.set_to(to);
  message.set_from_host("host-2");
  message.set_from_port(28003);
  message.mutable_append_response()->set_term(term);
  return message;
}

TEST(Disk, KeepsItsNameThroughRestartsAndNamesItBeforeAnythingElse) {
  NodeWorld world;
  world.GrowTo(2);
  EXPECT_TRUE(world[2].log.written.front().incarnation.has_value());
  const Incarnation before = DiskOf(world, 2);
  EXPECT_TRUE(StartedEmpty(before));
  EXPECT_FALSE(StartedEmpty(DiskOf(world, 1)));
  world.Crash(2);
  world[2].seed = 99;
  world.StartBare(2);
  EXPECT_EQ(DiskOf(world, 2), before);
  EXPECT_EQ(world.node(1).status().raft.membership.identity.Recorded(NodeId(2)), before);
}

TEST(Disk, WhoseNameIsNotDurableYetSaysNothing) {
  NodeWorld world;
  world.GrowTo(1);
  Machine& machine = world.Add(2);
  machine.options.join = {world[1].endpoint};
  machine.log.hold = true;
  world.Start(2);
  world.loop.RunFor(Duration::Seconds(5));
  EXPECT_FALSE(world.node(1).status().raft.membership.Contains(NodeId(2)));
  EXPECT_FALSE(world.node(1).status().nodes.contains(NodeId(2)));
  machine.log.hold = false;
  machine.log.Release();
  EXPECT_TRUE(Started(world, machine));
}

TEST(EmptiedVoter, IsFilledAndCountsAgainWhenItStartsWithJoin) {
  NodeWorld world;
  world.GrowTo(3);
  ASSERT_EQ(world.Put(1, "k", "v").status, WriteStatus::kApplied);
  Machine& machine = StartEmptied(world, 3);
  ASSERT_TRUE(Started(world, machine)) << machine.started->error();
  const Membership membership = world.node(1).status().raft.membership;
  EXPECT_EQ(membership, kTrio);
  EXPECT_EQ(membership.identity.Recorded(NodeId(3)), DiskOf(world, 3));
  EXPECT_EQ(world.Get(3, "k"), "v");
  world.Crash(2);  // 1 and 3 are a quorum again
  EXPECT_EQ(world.Put(1, "k", "w").status, WriteStatus::kApplied);
}

TEST(EmptiedVoter, ThatStartsWithoutJoinIsToldWhatToDo) {
  NodeWorld world;
  world.GrowTo(3);
  Machine& machine = StartEmptied(world, 3, false);
  ASSERT_FALSE(Started(world, machine));
  EXPECT_NE(machine.started->error().find("empty its raft_dir and start it with --join"), std::string::npos)
      << machine.started->error();
  EXPECT_EQ(world.node(1).status().raft.membership.identity.Recorded(NodeId(3)) == DiskOf(world, 3), false);
}

TEST(EmptiedVoter, OfAPairCountsAgainInOneStep) {
  NodeWorld world;
  world.GrowTo(2);
  ASSERT_EQ(world.Put(1, "k", "v").status, WriteStatus::kApplied);
  Machine& machine = StartEmptied(world, 2);
  ASSERT_TRUE(Started(world, machine)) << machine.started->error();
  EXPECT_EQ(world.Get(2, "k"), "v");
  EXPECT_EQ(world.node(1).status().raft.membership.identity.Recorded(NodeId(2)), DiskOf(world, 2));
}

TEST(EmptiedVoter, AtAnotherAddressIsRefusedAndTheVoterStays) {
  NodeWorld world;
  world.GrowTo(2);
  pb::ForwardRequest request;
  auto* join = request.mutable_join();
  join->set_node_id(2);
  join->set_host("elsewhere");
  join->set_port(1);
  join->set_incarnation(MakeIncarnation(5, true).value());
  const pb::ForwardReply reply = world.Ask(1, request);
  EXPECT_EQ(reply.error(), pb::FORWARD_REFUSED);
  EXPECT_EQ(reply.detail(),
            "node id 2 is already a voter at host-2:28003; choose another id, or let that node leave first");
  EXPECT_TRUE(world.node(1).status().raft.membership.IsVoter(NodeId(2)));
}

TEST(OldDisk, ThatComesBackIsRefused) {
  NodeWorld world;
  world.GrowTo(3);
  const io::LogContents old_log = world[3].log.contents;
  sm::WriteBatch old_state;
  for (auto row = world[3].state.Scan("", ""); row->Valid(); row->Next()) {
    old_state.Put(std::string(row->key()), std::string(row->value()));
  }
  Machine& machine = StartEmptied(world, 3);
  ASSERT_TRUE(Started(world, machine)) << machine.started->error();
  world.Crash(3);
  Machine& again = world.Add(3);
  again.log.contents = old_log;
  ASSERT_TRUE(again.state.Write(old_state));
  again.options.join = {world[1].endpoint};
  world.Start(3);
  ASSERT_FALSE(Started(world, again));
  EXPECT_NE(again.started->error().find("the cluster knows it with another data directory"), std::string::npos)
      << again.started->error();
  EXPECT_TRUE(world[1].trace.Has("node 3 answers with another data directory"));
}

TEST(Stranger, OfAnotherClusterChangesNothingAndIsReportedOnce) {
  NodeWorld world;
  world.GrowTo(2);
  const Term before = world.node(1).status().raft.hard_state.term;
  pb::PeerMessage message = MessageTo(1, 1000);
  message.set_cluster_id(99);
  for (int i = 0; i < 3; ++i) world[2].transport->Send(world[1].endpoint, message.SerializeAsString());
  world.loop.RunFor(Duration::Millis(100));
  EXPECT_EQ(world.node(1).status().raft.hard_state.term, before);
  const auto warnings = std::ranges::count_if(
      world[1].trace.events, [](const TraceEvent& event) { return event.text.contains("belongs to another cluster"); });
  EXPECT_EQ(warnings, 1);
}

TEST(Stranger, WhoMeansAnotherNodeIsNotAnswered) {
  NodeWorld world;
  world.GrowTo(2);
  const Term before = world.node(1).status().raft.hard_state.term;
  world[2].transport->Send(world[1].endpoint, MessageTo(7, 1000).SerializeAsString());
  world.loop.RunFor(Duration::Millis(100));
  EXPECT_EQ(world.node(1).status().raft.hard_state.term, before);
  EXPECT_TRUE(world[1].trace.Has("two nodes seem to have the raft address host-1:28003"));
}

TEST(Stranger, WhoseDataBelongsToAnotherClusterMayNotJoin) {
  NodeWorld world;
  world.GrowTo(1);
  pb::ForwardRequest request;
  auto* join = request.mutable_join();
  join->set_node_id(5);
  join->set_host("host-5");
  join->set_port(28003);
  join->set_cluster_id(99);
  const pb::ForwardReply reply = world.Ask(1, request);
  EXPECT_EQ(reply.error(), pb::FORWARD_REFUSED);
  EXPECT_EQ(
      reply.detail(),
      "node 5 can not join: its data directory belongs to another cluster. Empty its raft_dir and start it again");
}

}  // namespace
}  // namespace metasrv::node
