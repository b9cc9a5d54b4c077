// Catching up by snapshot: when the log no longer reaches back far enough.
#include <gtest/gtest.h>

#include "node/wire.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::Machine;
using test::NodeWorld;

class Snapshots : public ::testing::Test {
 protected:
  // One node with a state that takes several pieces, and a purged log.
  void Prepare() {
    Machine& machine = world.Add(1);
    machine.options.single = true;
    machine.options.snapshot_logs_since_last = 20;
    machine.options.max_applied_log_to_keep = 2;
    machine.options.snapshot_chunk_bytes = 200;
    world.Start(1);
    ASSERT_TRUE(world.RunUntil([&] { return machine.started.has_value(); }));
    for (int i = 0; i < 60; ++i) world.Put(1, "key" + std::to_string(i), "value" + std::to_string(i));
    ASSERT_TRUE(world.node(1).status().raft.purged);
  }
  Machine& AddJoiner() {
    Machine& machine = world.Add(2);
    machine.options.join = {world[1].endpoint};
    return machine;
  }

  NodeWorld world;
};

TEST_F(Snapshots, AJoinerGetsTheStateAndThenTheLog) {
  Prepare();
  Machine& joiner = AddJoiner();
  std::vector<LogIndex> installed;
  world.StartBare(2);
  world.node(2).SetInstallHook([&](const LogId& last) { installed.push_back(last.index); });
  world.node(2).JoinAndRegister([](const std::string&) {}, [&](auto result) { joiner.started = std::move(result); });
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  ASSERT_TRUE(joiner.started->has_value()) << joiner.started->error();
  EXPECT_EQ(installed.size(), 1);
  for (const int i : {0, 30, 59}) EXPECT_EQ(world.Get(2, "key" + std::to_string(i)), "value" + std::to_string(i));
  EXPECT_EQ(world.Put(2, "new", "v").status, WriteStatus::kApplied);
  EXPECT_EQ(world.Get(2, "new"), "v");
  const NodeStatus status = world.node(2).status();
  EXPECT_EQ(status.snapshot_rows.total(), 60);
  EXPECT_EQ(status.nodes.size(), 2);
  EXPECT_EQ(status.raft.membership, world.node(1).status().raft.membership);
}

TEST_F(Snapshots, AMemberThatGotASnapshotRestartsFromIt) {
  Prepare();
  Machine& joiner = AddJoiner();
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  world.Crash(2);
  world.Put(1, "unreachable", "v");
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  EXPECT_TRUE(joiner.started->has_value());
  EXPECT_EQ(world.Get(2, "key7"), "value7");
}

TEST_F(Snapshots, ACrashBetweenTheInstalledStateAndTheLogsResetIsRepaired) {
  Prepare();
  Machine& joiner = AddJoiner();
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  world.Crash(2);
  // As if the reset of the log, and everything after it, had not become durable.
  joiner.log.contents.purged.reset();
  joiner.log.contents.entries = {Entry::Blank({Term(0), NodeId(1), LogIndex(0)})};
  world.Start(2);
  EXPECT_TRUE(joiner.trace.Has("log reset: the state is ahead of it"));
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  EXPECT_TRUE(joiner.started->has_value());
  EXPECT_EQ(world.Get(2, "key7"), "value7");
}

TEST_F(Snapshots, LostPiecesAreSentAgain) {
  Prepare();
  Machine& joiner = AddJoiner();
  world.Start(2);
  // The first pieces arrive, then the link is down for a while.
  world.RunUntil([&] { return joiner.trace.Has("no such line"); }, Duration::Millis(8));
  world.network.cut_off = {joiner.endpoint};
  world.loop.RunFor(Duration::Seconds(2));
  world.network.cut_off.clear();
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  ASSERT_TRUE(joiner.started->has_value()) << joiner.started->error();
  EXPECT_EQ(world.Get(2, "key59"), "value59");
}

TEST(WipedMember, IsFilledAgainByTheNextLeader) {
  NodeWorld world;
  world.GrowTo(3);
  for (int i = 0; i < 40; ++i) world.Put(1, "key" + std::to_string(i), "v");
  world.Crash(2);
  Machine& wiped = world[2];
  wiped.log.contents = {};
  wiped.state = sm::MemStore();
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return wiped.started.has_value(); }));
  EXPECT_TRUE(wiped.started->has_value()) << wiped.started->error();
  world.Crash(1);
  world.Start(1);
  world.AwaitLeader();
  EXPECT_EQ(world.Get(2, "key39"), "v");
}

TEST_F(Snapshots, PiecesOfAnEarlierTermOrOfNoTransferAreRefused) {
  Prepare();
  test::FakeTransport stranger(world.network, {"stranger", 1});
  std::vector<pb::SnapshotAck> acks;
  stranger.Start(
      [&](const std::string& bytes) {
        auto decoded = Decode(bytes);
        if (auto* ack = std::get_if<pb::SnapshotAck>(&decoded->body)) acks.push_back(*ack);
      },
      [](const std::string&, const io::Transport::Responder&) {});
  const MessageEncoder encoder({NodeId(8), {"stranger", 1}});
  pb::SnapshotChunk chunk;
  chunk.set_transfer(5);
  stranger.Send(world[1].endpoint, encoder.Encode(NodeId(1), chunk));
  chunk.set_term(1);
  chunk.set_number(3);
  stranger.Send(world[1].endpoint, encoder.Encode(NodeId(1), chunk));
  world.loop.RunFor(Duration::Millis(10));
  ASSERT_EQ(acks.size(), 2);
  for (const pb::SnapshotAck& ack : acks) {
    EXPECT_TRUE(ack.refused());
    EXPECT_EQ(ack.transfer(), 5);
    EXPECT_EQ(ack.term(), 1);
  }
}

TEST_F(Snapshots, ASnapshotWhoseRowsWereDamagedIsNotInstalled) {
  Prepare();
  Machine& fresh = world.Add(3);
  world.StartBare(3);
  test::FakeTransport stranger(world.network, {"stranger", 1});
  const MessageEncoder encoder({NodeId(8), {"stranger", 1}});
  pb::SnapshotChunk chunk;
  chunk.set_term(4);
  chunk.set_transfer(1);
  chunk.add_rows()->set_key("kx");
  chunk.mutable_done()->mutable_last()->set_index(9);
  chunk.mutable_done()->mutable_last()->set_term(4);
  chunk.mutable_done()->set_rows_hash(1);
  stranger.Send(fresh.endpoint, encoder.Encode(NodeId(3), chunk));
  world.loop.RunFor(Duration::Millis(10));
  EXPECT_TRUE(fresh.trace.Has("snapshot from node 8 is damaged"));
  EXPECT_EQ(world.node(3).status().last_applied, std::nullopt);
}

}  // namespace
}  // namespace metasrv::node
