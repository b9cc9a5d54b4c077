#include <gtest/gtest.h>

#include "tests/support/raft_cluster.h"

namespace metasrv::test {
namespace {

const NodeId kOne(1), kTwo(2), kThree(3);

RaftCluster LedWith(int entry_count) {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  for (int i = 1; i <= entry_count; ++i) cluster.Step(kOne, Propose{{{RequestId(i), std::to_string(i)}}});
  cluster.Stabilize();
  return cluster;
}

SnapshotMeta MetaAt(RaftCluster& cluster, NodeId id) { return cluster.disk(id).state; }

TEST(Compact, NeverForgetsWhatIsNotApplied) {
  RaftCluster cluster = LedWith(3);
  cluster.Isolate(kOne);
  cluster.Step(kOne, Propose{{{RequestId(9), "lost"}}});
  cluster.Step(kOne, Compact{LogIndex(99)});
  EXPECT_EQ(cluster.raft(kOne).core().log().begin(), LogIndex(5));
  EXPECT_EQ(cluster.raft(kOne).core().log().end(), LogIndex(6));
}

TEST(Snapshot, OlderThanTheCommitPointChangesNothing) {
  RaftCluster cluster = LedWith(2);
  const SnapshotMeta old = MetaAt(cluster, kOne);
  cluster.Step(kOne, Propose{{{RequestId(9), "more"}}});
  cluster.Stabilize();
  const auto before = cluster.raft(kTwo).status();
  cluster.Step(kTwo, SnapshotReceived{.from = kOne, .term = Term(1), .meta = old});
  EXPECT_EQ(cluster.raft(kTwo).status().last, before.last);
  EXPECT_EQ(cluster.raft(kTwo).status().commit_end, before.commit_end);
}

TEST(Snapshot, OfAnOldTermIsIgnored) {
  RaftCluster cluster = LedWith(2);
  SnapshotMeta newer = MetaAt(cluster, kOne);
  newer.last->index = LogIndex(50);
  cluster.Step(kTwo, SnapshotReceived{.from = kThree, .term = Term(0), .meta = newer});
  EXPECT_LT(cluster.raft(kTwo).status().commit_end, LogIndex(50));
}

TEST(Snapshot, ReplacesALogThatDoesNotReachItAndTakesItsMembership) {
  RaftCluster cluster = LedWith(0);
  cluster.Isolate(kThree);
  for (int i = 1; i <= 5; ++i) cluster.Step(kOne, Propose{{{RequestId(i), std::to_string(i)}}});
  cluster.Stabilize();
  cluster.Step(kOne, Compact{LogIndex(6)});
  cluster.Heal();
  cluster.Advance(Duration::Millis(500));
  cluster.Stabilize();
  cluster.Advance(Duration::Millis(500));
  cluster.Stabilize();
  EXPECT_EQ(cluster.applied(kThree), cluster.applied(kOne));
  EXPECT_EQ(cluster.raft(kThree).status().membership, UniformMembership({kOne, kTwo, kThree}));
}

TEST(Snapshot, FailedTransferIsTriedAgainAfterAHeartbeatOnly) {
  RaftCluster cluster = LedWith(0);
  cluster.Isolate(kThree);
  cluster.Step(kOne, Propose{{{RequestId(1), "a"}}});
  cluster.Stabilize();
  cluster.Step(kOne, Compact{LogIndex(3)});
  cluster.Heal();
  cluster.Advance(Duration::Millis(500));
  cluster.Deliver([](NodeId, NodeId) { return true; });
  cluster.Deliver([](NodeId, NodeId) { return true; });
  ASSERT_EQ(cluster.Drop([](NodeId, NodeId to) { return to == kThree; }), 1U);
  cluster.Stabilize();
  EXPECT_TRUE(cluster.applied(kThree).empty());
  cluster.Advance(Duration::Millis(500));
  cluster.Stabilize();
  EXPECT_EQ(cluster.applied(kThree), cluster.applied(kOne));
}

}  // namespace
}  // namespace metasrv::test
