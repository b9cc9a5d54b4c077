// Leadership given away: by an operator, before a stop, and because of a bad disk.
#include <gtest/gtest.h>

#include <algorithm>

#include "consensus/core.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::NodeWorld;
using test::PutCommand;

constexpr Duration kTimeout = Duration::Millis(1000);  // election_timeout_min of the defaults

// Issues a write at every node each few milliseconds and keeps what came of it.
class Writers {
 public:
  Writers(NodeWorld& world, std::vector<std::uint64_t> via) : world_(world), via_(std::move(via)) {}

  void Issue() {
    for (const std::uint64_t id : via_) {
      ++issued_;
      world_.node(id).Write(PutCommand("k" + std::to_string(issued_), "v"), [this](const WriteResult& result) {
        if (result.status != WriteStatus::kApplied) failures_.push_back(result.detail);
        ++answered_;
        gap_ = std::max(gap_, world_.loop.Now() - last_);
        last_ = world_.loop.Now();
      });
    }
  }
  // Issues until `done` holds, then waits for the answers.
  bool IssueUntil(const std::function<bool()>& done) {
    last_ = world_.loop.Now();
    for (int i = 0; i < 10'000 && !done(); ++i) {
      if (i % 5 == 0) Issue();
      world_.loop.RunFor(Duration::Millis(1));
    }
    return done() && world_.RunUntil([this] { return answered_ == issued_; });
  }

  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  [[nodiscard]] Duration gap() const { return gap_; }

 private:
  NodeWorld& world_;
  std::vector<std::uint64_t> via_;
  std::uint64_t issued_ = 0;
  std::uint64_t answered_ = 0;
  std::vector<std::string> failures_;
  Instant last_;
  Duration gap_;
};

bool Follows(NodeWorld& world, std::uint64_t leader, std::vector<std::uint64_t> nodes) {
  return std::ranges::all_of(nodes, [&](std::uint64_t id) { return world.node(id).leader() == NodeId(leader); });
}

TEST(Transfer, GoesToTheNextVoterAndWritesSentMeanwhileAreServed) {
  NodeWorld world;
  world.GrowTo(3);
  Writers writers(world, {1, 2, 3});
  writers.Issue();
  const TransferReply reply = world.node(1).TransferLeadership(std::nullopt);
  EXPECT_EQ(reply.status, TransferStatus::kStarted);
  EXPECT_EQ(reply.from, NodeId(1));
  EXPECT_EQ(reply.to, NodeId(2));
  EXPECT_EQ(reply.voters, (NodeSet{NodeId(1), NodeId(2), NodeId(3)}));
  EXPECT_TRUE(writers.IssueUntil([&] { return Follows(world, 2, {1, 2, 3}); }));
  EXPECT_EQ(writers.failures(), std::vector<std::string>{});
  EXPECT_LT(writers.gap(), Duration::Millis(150));
  EXPECT_TRUE(world[1].trace.Has("hand-over of leadership to node 2: done"));
}

TEST(Transfer, TheNextVoterOfTheLastOneIsTheFirst) {
  NodeWorld world;
  world.GrowTo(3);
  EXPECT_EQ(world.node(1).TransferLeadership(NodeId(3)).to, NodeId(3));
  EXPECT_TRUE(world.RunUntil([&] { return Follows(world, 3, {1, 2, 3}); }));
  EXPECT_EQ(world.node(3).TransferLeadership(std::nullopt).to, NodeId(1));
  EXPECT_TRUE(world.RunUntil([&] { return Follows(world, 1, {1, 2, 3}); }));
}

TEST(Transfer, ADeadTargetCostsTimeButNoWriteAndNoTerm) {
  NodeWorld world;
  world.GrowTo(3);
  const Term term = world.node(1).status().raft.hard_state.term;
  world.Crash(3);
  EXPECT_EQ(world.node(1).TransferLeadership(NodeId(3)).status, TransferStatus::kStarted);
  EXPECT_EQ(world.node(1).TransferLeadership(NodeId(2)).status, TransferStatus::kInProgress);
  Writers writers(world, {1, 2});
  const Instant end = world.loop.Now() + kTimeout * 2;
  EXPECT_TRUE(writers.IssueUntil([&] { return world.loop.Now() >= end; }));
  EXPECT_EQ(writers.failures(), std::vector<std::string>{});
  EXPECT_EQ(world.node(1).leader(), NodeId(1));
  EXPECT_EQ(world.node(1).status().raft.hard_state.term, term);
  EXPECT_TRUE(world[1].trace.Has("hand-over of leadership to node 3: timed out"));
}

TEST(Transfer, WhatCanNotBeIsRefusedAndNamesTheVoters) {
  NodeWorld world;
  world.GrowTo(2);
  const TransferReply follower = world.node(2).TransferLeadership(std::nullopt);
  EXPECT_EQ(follower.status, TransferStatus::kNotLeader);
  EXPECT_EQ(follower.leader, NodeId(1));
  EXPECT_EQ(follower.voters, (NodeSet{NodeId(1), NodeId(2)}));
  EXPECT_EQ(world.node(1).TransferLeadership(NodeId(7)).status, TransferStatus::kNotVoter);
}

TEST(Transfer, ToItselfIsAcceptedAndChangesNothing) {
  NodeWorld world;
  world.GrowTo(1);
  const TransferReply reply = world.node(1).TransferLeadership(std::nullopt);
  EXPECT_EQ(reply.status, TransferStatus::kStarted);
  EXPECT_EQ(reply.to, NodeId(1));
  EXPECT_EQ(world.Put(1, "k", "v").status, WriteStatus::kApplied);
}

TEST(FullDisk, ALeaderHandsOverBeforeItMayNotLeadAnyMore) {
  NodeWorld world;
  world.GrowTo(3);
  Writers writers(world, {2, 3});
  world[1].log.free_bytes = 0;
  EXPECT_TRUE(writers.IssueUntil([&] { return Follows(world, 2, {2, 3}) || Follows(world, 3, {2, 3}); }));
  EXPECT_EQ(writers.failures(), std::vector<std::string>{});
  EXPECT_LT(writers.gap(), Duration::Millis(150));
  EXPECT_TRUE(world.RunUntil([&] { return world.node(1).raft().core().space() == SpaceLevel::kCritical; }));
}

TEST(FullDisk, ALeaderWhomNobodyRelievesStopsLeadingAllTheSame) {
  NodeWorld world;
  world.GrowTo(3);
  world.Crash(2);
  world.Crash(3);
  world[1].log.free_bytes = 0;
  world.loop.RunFor(kTimeout * 2 + world[1].options.disk_check_interval);
  EXPECT_EQ(world.node(1).raft().core().space(), SpaceLevel::kCritical);
  EXPECT_NE(world.node(1).leader(), NodeId(1));
}

TEST(Leaving, ALeaderHandsOverAndNoWriteFailsAnywhere) {
  NodeWorld world;
  world.GrowTo(3);
  Writers writers(world, {1, 2, 3});
  writers.Issue();
  bool may_stop = false;
  world.node(1).HandOver([&] { may_stop = true; });
  EXPECT_FALSE(may_stop);
  EXPECT_TRUE(writers.IssueUntil([&] { return may_stop; }));
  world.node(1).Stop();
  const std::uint64_t leader = world.node(2).leader()->value();
  EXPECT_NE(leader, 1);
  Writers rest(world, {2, 3});
  const Instant end = world.loop.Now() + kTimeout;
  EXPECT_TRUE(rest.IssueUntil([&] { return world.loop.Now() >= end; }));
  EXPECT_EQ(writers.failures(), std::vector<std::string>{});
  EXPECT_EQ(rest.failures(), std::vector<std::string>{});
  EXPECT_LT(std::max(writers.gap(), rest.gap()), Duration::Millis(150));
  EXPECT_EQ(world.node(2).leader(), NodeId(leader));
}

TEST(Leaving, WhoDoesNotLeadOrIsAloneMayGoAtOnce) {
  NodeWorld world;
  world.GrowTo(2);
  bool may_stop = false;
  world.node(2).HandOver([&] { may_stop = true; });
  EXPECT_TRUE(may_stop);
  NodeWorld alone;
  alone.GrowTo(1);
  may_stop = false;
  alone.node(1).HandOver([&] { may_stop = true; });
  EXPECT_TRUE(alone.RunUntil([&] { return may_stop; }, Duration::Millis(100)));
}

TEST(Leaving, TakesNoLongerThanTwoElectionTimeoutsWhenNobodyTakesOver) {
  NodeWorld world;
  world.GrowTo(2);
  world.network.cut_off.insert(world[2].endpoint);
  bool may_stop = false;
  world.node(1).HandOver([&] { may_stop = true; });
  EXPECT_FALSE(world.RunUntil([&] { return may_stop; }, Duration::Millis(500)));
  EXPECT_TRUE(world.RunUntil([&] { return may_stop; }, kTimeout * 2));
}

TEST(BadDisk, ALeaderWhoseWriteHangsHandsOverToAHealthyFollower) {
  NodeWorld world;
  world.GrowTo(3);
  world[1].log.hold = true;
  std::optional<WriteStatus> hung;
  world.node(2).Write(PutCommand("hung", "1"), [&](const WriteResult& result) { hung = result.status; });
  const auto handed_over = [&] {
    const auto leader = world.node(2).leader();
    return leader && leader != NodeId(1) && leader == world.node(3).leader();
  };
  // Sooner than any election timeout; the disk's write is late by half of one.
  EXPECT_TRUE(world.RunUntil(handed_over, kTimeout));
  EXPECT_EQ(world.Put(3, "k", "v").status, WriteStatus::kApplied);
  EXPECT_EQ(hung, std::nullopt);
  world[1].log.Release();
  EXPECT_TRUE(world.RunUntil([&] { return hung.has_value(); }));
  EXPECT_EQ(hung, WriteStatus::kApplied);
  EXPECT_EQ(world.Put(1, "k", "v").status, WriteStatus::kApplied);
}

TEST(BadDisk, AFollowerThatIsSlowTooIsNotAskedToLead) {
  NodeWorld world;
  world.GrowTo(2);
  world[2].log.hold = true;
  world.node(1).Write(PutCommand("a", "1"), [](const WriteResult&) {});
  world.loop.RunFor(kTimeout);
  world[1].log.hold = true;
  world.node(1).Write(PutCommand("b", "1"), [](const WriteResult&) {});
  world.loop.RunFor(kTimeout * 2);
  EXPECT_EQ(world.node(1).leader(), NodeId(1));
  world[1].log.Release();
  world[2].log.Release();
  EXPECT_EQ(world.Put(1, "c", "1").status, WriteStatus::kApplied);
}

class HangingDisk : public ::testing::Test {
 protected:
  HangingDisk() {
    world.GrowTo(1);
    world[1].log.hold = true;
    world.node(1).Write(PutCommand("a", "1"), [](const WriteResult&) {});
    world.loop.RunFor(Duration::Millis(1));
  }
  NodeWorld world;
};

TEST_F(HangingDisk, MakesALeaderStepDownAndLeadAgainOnceItAnswers) {
  world.loop.RunFor(Duration::Seconds(9));
  EXPECT_EQ(world.node(1).leader(), NodeId(1));
  world.loop.RunFor(Duration::Seconds(3));
  EXPECT_EQ(world.node(1).leader(), std::nullopt);
  world.loop.RunFor(Duration::Seconds(10));
  EXPECT_EQ(world.node(1).leader(), std::nullopt);
  world[1].log.Release();
  EXPECT_EQ(world.AwaitLeader(), 1);
  EXPECT_EQ(world.Get(1, "a"), "1");
}

TEST_F(HangingDisk, EndsTheNodeWhenItHangsForTooLong) {
  world.loop.RunFor(Duration::Seconds(59));
  EXPECT_TRUE(world[1].fatal.empty());
  world.loop.RunFor(Duration::Seconds(3));
  ASSERT_EQ(world[1].fatal.size(), 1);
  EXPECT_TRUE(world[1].fatal[0].starts_with("the disk of the log has not completed a write for 60s"))
      << world[1].fatal[0];
}

TEST_F(HangingDisk, IsNotBlamedForTimeInWhichTheWholeProcessStoodStill) {
  world.loop.StandStill(Duration::Seconds(100));
  world.loop.RunFor(Duration::Millis(300));
  EXPECT_TRUE(world[1].fatal.empty());
  EXPECT_EQ(world.node(1).leader(), NodeId(1));
}

}  // namespace
}  // namespace metasrv::node
