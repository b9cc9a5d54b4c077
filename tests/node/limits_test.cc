// What a node takes on, and how it lives with a disk that runs full.
#include <gtest/gtest.h>

#include "consensus/core.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::NodeWorld;
using test::PutCommand;

pb::Command DeleteCommand(const std::string& key) {
  pb::Command command = PutCommand(key, "");
  command.mutable_upsert_kv()->mutable_value()->mutable_delete_();
  return command;
}

class Limits : public ::testing::Test {
 protected:
  WriteResult Write(std::uint64_t via, pb::Command command) {
    std::optional<WriteResult> result;
    world.node(via).Write(std::move(command), [&](WriteResult answer) { result = std::move(answer); });
    EXPECT_TRUE(world.RunUntil([&] { return result.has_value(); }));
    return result.value_or(WriteResult{});
  }
  std::uint64_t Low() { return world[1].options.disk_free_low; }
  std::uint64_t Critical() { return world[1].options.disk_free_critical; }

  NodeWorld world;
};

TEST_F(Limits, WhileTheLeadersDiskIsAlmostFullOnlyDeletionsAndReadsGoOn) {
  world.GrowTo(3);
  const std::uint64_t leader = world.AwaitLeader();
  const std::uint64_t other = leader == 1 ? 2 : 1;
  ASSERT_EQ(world.Put(leader, "k", "v").status, WriteStatus::kApplied);
  world[leader].log.free_bytes = Low() - 1;
  world.loop.RunFor(Duration::Seconds(1));
  for (const std::uint64_t via : {leader, other}) {
    const WriteResult refused = Write(via, PutCommand("new", "v"));
    EXPECT_EQ(refused.status, WriteStatus::kNoSpace);
    EXPECT_EQ(refused.detail, "disk of raft_dir almost full: 511 MiB free; delete keys or add space");
  }
  EXPECT_EQ(world.Get(other, "k"), "v");
  EXPECT_EQ(Write(other, DeleteCommand("k")).status, WriteStatus::kApplied);
  EXPECT_EQ(world.Get(other, "k"), "");
  EXPECT_TRUE(world[leader].trace.Has("disk of raft_dir almost full: 511 MiB free; only deletions"));
  world[leader].log.free_bytes = Low() + 1;
  world.loop.RunFor(Duration::Seconds(1));
  EXPECT_EQ(Write(leader, PutCommand("new", "v")).status, WriteStatus::kNoSpace) << "a little more is not enough";
  world[leader].log.free_bytes = 2 * Low();
  world.loop.RunFor(Duration::Seconds(1));
  EXPECT_EQ(Write(leader, PutCommand("new", "v")).status, WriteStatus::kApplied);
  EXPECT_TRUE(world[leader].trace.Has("has room again"));
}

TEST_F(Limits, ANodeWhoseDiskIsFullHandsLeadershipOnStaysUpAndComesBackByItself) {
  world.GrowTo(3);
  const std::uint64_t full = world.AwaitLeader();
  world[full].log.free_bytes = Critical() - 1;
  ASSERT_TRUE(world.RunUntil([&] {
    const auto leader = world.node(full).leader();
    return leader && *leader != NodeId(full);
  }));
  const std::size_t stored = world[full].log.contents.entries.size();
  EXPECT_EQ(world.Put(full, "k", "v").status, WriteStatus::kApplied) << "passed on to the new leader";
  world.loop.RunFor(Duration::Seconds(5));
  EXPECT_LE(world[full].log.contents.entries.size(), stored);
  EXPECT_TRUE(world[full].fatal.empty());
  EXPECT_FALSE(world.node(full).status().stopped);
  world[full].log.free_bytes.reset();
  world[full].log.free_bytes = 4 * Low();
  EXPECT_TRUE(world.RunUntil([&] { return world[full].log.contents.entries.size() > stored; }));
  EXPECT_EQ(world.Get(full, "k"), "v");
}

TEST_F(Limits, AStartWithAFullDiskSucceedsAndServesOnceThereIsRoom) {
  world.Add(1).options.single = true;
  world.Start(1);
  ASSERT_TRUE(world.RunUntil([&] { return world[1].started.has_value(); }));
  world.Put(1, "k", "v");
  world.Crash(1);
  world[1].log.free_bytes = 0;
  world.StartBare(1);
  world.loop.RunFor(Duration::Seconds(10));
  EXPECT_EQ(world.node(1).leader(), std::nullopt);
  EXPECT_TRUE(world[1].fatal.empty());
  world[1].log.free_bytes = 4 * Low();
  EXPECT_EQ(world.AwaitLeader(), 1);
  EXPECT_EQ(world.Get(1, "k"), "v");
}

TEST_F(Limits, MoreBytesThanMayWaitAreBusyAndDeletionsPass) {
  world.Add(1).options.single = true;
  world[1].options.pending_bytes_max = 500;
  world.Start(1);
  ASSERT_TRUE(world.RunUntil([&] { return world[1].started.has_value(); }));
  world[1].log.hold = true;
  std::vector<WriteStatus> answers;
  const auto note = [&](const WriteResult& result) { answers.push_back(result.status); };
  world.node(1).Write(PutCommand("a", std::string(300, 'x')), note);
  world.loop.RunReady();
  world.node(1).Write(PutCommand("b", std::string(300, 'x')), note);
  world.loop.RunReady();
  EXPECT_EQ(answers, std::vector{WriteStatus::kBusy});
  world.node(1).Write(DeleteCommand("a"), note);
  world.loop.RunReady();
  EXPECT_EQ(answers.size(), 1);
  world[1].log.Release();
  world.loop.RunReady();
  EXPECT_EQ(answers, (std::vector{WriteStatus::kBusy, WriteStatus::kApplied, WriteStatus::kApplied}));
}

TEST_F(Limits, MoreReadsThanMayWaitAreTurnedAway) {
  world.Add(1).options.single = true;
  world[1].options.pending_reads_max = 2;
  world.Start(1);
  ASSERT_TRUE(world.RunUntil([&] { return world[1].started.has_value(); }));
  for (int round = 0; round < 2; ++round) {
    std::vector<ReadStatus> answers;
    for (int i = 0; i < 3; ++i) {
      world.node(1).Read([&](const ReadResult& result) { answers.push_back(result.status); });
    }
    world.loop.RunReady();
    EXPECT_EQ(answers, (std::vector{ReadStatus::kBusy, ReadStatus::kReady, ReadStatus::kReady}));
  }
}

}  // namespace
}  // namespace metasrv::node
