// Which disks count: emptied, exchanged and lying ones (docs/decisions/0013).
#include "consensus/identity.h"

#include <gtest/gtest.h>

#include "tests/support/raft_cluster.h"

namespace metasrv::test {
namespace {

const NodeId kOne(1), kTwo(2), kThree(3);

Propose Write(std::uint64_t id, const std::string& payload) { return Propose{{{RequestId(id), payload}}}; }

RaftCluster Trio() {
  RaftCluster cluster;
  cluster.CreateRecorded({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  return cluster;
}

RaftCluster Pair() {
  RaftCluster cluster;
  cluster.CreateRecorded({kOne, kTwo});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  return cluster;
}

void LetTimePass(RaftCluster& cluster, int rounds = 30) {
  for (int i = 0; i < rounds; ++i) {
    cluster.Advance(Duration::Millis(200));
    cluster.Stabilize();
  }
}

LogIndex CommitOf(const RaftCluster& cluster, NodeId id) { return cluster.raft(id).status().commit_end; }

TEST(Counts, RecordedDiskAloneWhereOneIsRecordedAndNoEmptyOneWhereNoneIs) {
  const Incarnation founder = MakeIncarnation(7, false);
  const Incarnation joiner = MakeIncarnation(6, true);
  EXPECT_TRUE(Counts(founder, founder));
  EXPECT_FALSE(Counts(founder, joiner));
  EXPECT_FALSE(Counts(founder, Incarnation()));
  EXPECT_TRUE(Counts(Incarnation(), founder));
  EXPECT_FALSE(Counts(Incarnation(), joiner));
}

TEST(MakeIncarnation, IsNeverZeroAndTellsWhetherTheDiskStartedEmpty) {
  for (const std::uint64_t random : {0, 1, 2, 3}) {
    for (const bool empty : {false, true}) {
      EXPECT_NE(MakeIncarnation(random, empty), Incarnation());
      EXPECT_EQ(StartedEmpty(MakeIncarnation(random, empty)), empty);
    }
  }
}

// NATS 7038: an emptied voter must not elect a node that misses committed entries.
TEST(WipedVoter, DoesNotElectAStaleNode) {
  RaftCluster cluster = Trio();
  cluster.Isolate(kThree);
  cluster.Step(kOne, Write(1, "a"));  // committed on 1 and 2
  cluster.Stabilize();
  ASSERT_EQ(cluster.applied(kOne), (std::vector<std::string>{"a"}));
  cluster.Wipe(kTwo);
  cluster.Crash(kOne);
  cluster.Heal();
  LetTimePass(cluster);
  EXPECT_EQ(cluster.leader(), std::nullopt);
  cluster.Restart(kOne);
  LetTimePass(cluster);
  EXPECT_EQ(cluster.leader(), kOne);
  EXPECT_EQ(cluster.applied(kThree), (std::vector<std::string>{"a"}));
}

TEST(WipedVoter, DoesNotElectAnybodyWhereNothingIsRecorded) {
  RaftCluster cluster;
  cluster.CreateImported({kOne, kTwo, kThree});
  cluster.Crash(kOne);
  cluster.Wipe(kTwo);
  LetTimePass(cluster);
  EXPECT_EQ(cluster.leader(), std::nullopt);
}

TEST(WipedVoter, DoesNotCampaign) {
  RaftCluster cluster = Trio();
  cluster.Wipe(kTwo);
  LetTimePass(cluster, 3);
  cluster.Step(kTwo, Campaign{});
  EXPECT_NE(cluster.raft(kTwo).status().role, RoleName::kCandidate);
}

TEST(WipedVoter, ItsAcknowledgementsCommitNothingAndKeepNobodyInOffice) {
  RaftCluster cluster = Trio();
  cluster.Wipe(kTwo);
  cluster.Isolate(kThree);
  const LogIndex before = CommitOf(cluster, kOne);
  cluster.Step(kOne, Write(1, "a"));
  cluster.Step(kOne, Read{RequestId(2)});
  cluster.Stabilize();
  EXPECT_EQ(CommitOf(cluster, kOne), before);
  LetTimePass(cluster);
  EXPECT_EQ(cluster.leader(), std::nullopt);
  EXPECT_EQ(cluster.TakeAnswers().back(), "1: read 2 failed");
}

TEST(WipedVoter, IsToldThatItHasToBeRemovedFirstAndCountsAgainAfterRemovalAndJoin) {
  RaftCluster cluster = Trio();
  cluster.Step(kOne, Write(1, "a"));
  cluster.Stabilize();
  cluster.Wipe(kThree);
  LetTimePass(cluster, 4);  // the new disk has answered
  cluster.Join(kOne, kThree, RequestId(2));
  EXPECT_EQ(cluster.TakeAnswers().back(), "1: change 2 other disk");
  cluster.Step(kOne, ChangeMembership{.id = RequestId(3), .node = kThree, .goal = MembershipGoal::kAbsent});
  cluster.Stabilize();
  cluster.Join(kOne, kThree, RequestId(4));
  LetTimePass(cluster, 5);
  EXPECT_EQ(cluster.TakeAnswers().back(), "1: change 4 done");
  EXPECT_EQ(cluster.applied(kThree), (std::vector<std::string>{"a"}));
  const Membership membership = cluster.raft(kTwo).status().membership;
  EXPECT_TRUE(membership.IsVoter(kThree));
  EXPECT_EQ(membership.identity.Recorded(kThree), cluster.disk(kThree).incarnation);
  // ... and counts: with 1 dead, 2 and 3 go on.
  cluster.Crash(kOne);
  LetTimePass(cluster);
  EXPECT_TRUE(cluster.leader().has_value());
}

TEST(WipedVoter, OfAPairIsRecordedInOneStepOnceItIsFilled) {
  RaftCluster cluster = Pair();
  cluster.Step(kOne, Write(1, "a"));
  cluster.Stabilize();
  cluster.Wipe(kTwo);
  LetTimePass(cluster);
  ASSERT_EQ(cluster.leader(), kOne);  // whose vote for itself is in every quorum
  cluster.Step(kOne, Write(2, "b"));
  cluster.Stabilize();
  EXPECT_EQ(cluster.applied(kOne), (std::vector<std::string>{"a"}));
  cluster.Join(kOne, kTwo, RequestId(3));
  LetTimePass(cluster, 5);
  EXPECT_EQ(cluster.TakeAnswers().back(), "1: change 3 done");
  EXPECT_EQ(cluster.applied(kTwo), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(cluster.raft(kTwo).status().membership.identity.Recorded(kTwo), cluster.disk(kTwo).incarnation);
}

TEST(WipedVoter, OfAPairIsRecordedAlsoByALeaderThatCouldNotCommitAnythingYet) {
  RaftCluster cluster = Pair();
  cluster.Crash(kOne);
  cluster.Wipe(kTwo);
  cluster.Restart(kOne);
  LetTimePass(cluster);
  ASSERT_EQ(cluster.leader(), kOne);
  cluster.Join(kOne, kTwo, RequestId(1));
  LetTimePass(cluster, 5);
  EXPECT_EQ(cluster.TakeAnswers().back(), "1: change 1 done");
}

TEST(WipedVoter, OfAPairCanNotBeElectedItself) {
  RaftCluster cluster = Pair();
  cluster.Wipe(kTwo);
  cluster.Crash(kOne);
  LetTimePass(cluster);
  EXPECT_EQ(cluster.leader(), std::nullopt);
}

// The request of a disk that is gone again must not displace the one that counts, which lives.
TEST(WipedVoter, LateRequestOfADiskThatDoesNotAnswerChangesNothing) {
  for (RaftCluster cluster : {Pair(), Trio()}) {
    const Incarnation gone = MakeIncarnation(99, true);
    LetTimePass(cluster, 2);
    const auto last = cluster.raft(kOne).status().last;
    cluster.Step(kOne,
                 ChangeMembership{.id = RequestId(7), .node = kTwo, .goal = MembershipGoal::kVoter, .disk = gone});
    EXPECT_EQ(cluster.TakeAnswers().back(), "1: change 7 silent disk");
    cluster.Step(kOne,
                 ChangeMembership{.id = RequestId(8), .node = kOne, .goal = MembershipGoal::kVoter, .disk = gone});
    EXPECT_EQ(cluster.TakeAnswers().back(), "1: change 8 silent disk");
    LetTimePass(cluster, 2);
    EXPECT_EQ(cluster.raft(kOne).status().last, last);
    EXPECT_EQ(cluster.raft(kOne).status().membership.identity.Recorded(kTwo), cluster.disk(kTwo).incarnation);
  }
}

TEST(WipedLearner, IsFilledAgainBySameLeader) {
  RaftCluster cluster = Trio();
  cluster.CreateEmpty(NodeId(4));
  cluster.disk(NodeId(4)).incarnation = MakeIncarnation(44, true);
  cluster.Crash(NodeId(4));
  cluster.Restart(NodeId(4));
  cluster.Step(kOne, ChangeMembership{.id = RequestId(1), .node = NodeId(4), .goal = MembershipGoal::kLearner});
  cluster.Step(kOne, Write(2, "a"));
  LetTimePass(cluster, 3);
  ASSERT_EQ(cluster.applied(NodeId(4)), (std::vector<std::string>{"a"}));
  cluster.Wipe(NodeId(4));
  LetTimePass(cluster, 5);
  EXPECT_EQ(cluster.applied(NodeId(4)), (std::vector<std::string>{"a"}));
}

TEST(WipedLearner, IsNotForgottenForALateAnswerOfTheDiskBefore) {
  const NodeId four(4);
  RaftCluster cluster = Trio();
  cluster.CreateEmpty(four);
  cluster.disk(four).incarnation = MakeIncarnation(44, true);
  cluster.Crash(four);
  cluster.Restart(four);
  cluster.Step(kOne, ChangeMembership{.id = RequestId(1), .node = four, .goal = MembershipGoal::kLearner});
  cluster.Step(kOne, Write(2, "a"));
  LetTimePass(cluster, 3);
  cluster.Advance(Duration::Millis(200));
  cluster.Deliver([&](NodeId, NodeId to) { return to == four; });
  cluster.Persist(four);
  cluster.Copy([&](NodeId from, NodeId) { return from == four; });
  cluster.Stabilize();
  cluster.Wipe(four);
  LetTimePass(cluster, 5);
  const auto matched = [&] {
    return std::get<Leader>(cluster.raft(kOne).core().role()).tracker.Find(four)->match_end();
  };
  const LogIndex before = matched();
  ASSERT_EQ(before, cluster.raft(kOne).core().log().end());
  cluster.Replay();
  cluster.Deliver([&](NodeId from, NodeId) { return from == four; });
  EXPECT_EQ(matched(), before);
}

TEST(OldDisk, ThatCameBackIsRefusedAndToldSo) {
  RaftCluster cluster = Trio();
  Disk old = cluster.Wipe(kThree);
  cluster.Step(kOne, ChangeMembership{.id = RequestId(1), .node = kThree, .goal = MembershipGoal::kAbsent});
  cluster.Stabilize();
  cluster.Join(kOne, kThree, RequestId(2));
  LetTimePass(cluster, 5);
  ASSERT_EQ(cluster.TakeAnswers().back(), "1: change 2 done");
  cluster.PutDisk(kThree, std::move(old));
  LetTimePass(cluster);
  EXPECT_TRUE(cluster.raft(kThree).core().disk_refused());
  EXPECT_NE(cluster.leader(), kThree);
  cluster.Crash(kTwo);
  const LogIndex before = CommitOf(cluster, kOne);
  LetTimePass(cluster);
  EXPECT_EQ(cluster.leader(), std::nullopt);
  EXPECT_EQ(CommitOf(cluster, kOne), before);
}

// NuRaft 185, braft 292: a disk that lost what it had reported as stored.
TEST(LyingDisk, ThatLostItsTailIsFoundOutAndFilledAgainBySameLeader) {
  RaftCluster cluster = Trio();
  for (std::uint64_t i = 1; i <= 3; ++i) cluster.Step(kOne, Write(i, "w" + std::to_string(i)));
  cluster.Stabilize();
  Disk lying = cluster.disk(kThree);
  cluster.Crash(kThree);
  lying.log.resize(2);
  lying.state = {};
  lying.payloads.clear();
  cluster.PutDisk(kThree, std::move(lying));
  LetTimePass(cluster, 10);
  EXPECT_EQ(cluster.applied(kThree), (std::vector<std::string>{"w1", "w2", "w3"}));
  EXPECT_EQ(cluster.leader(), kOne);
}

TEST(Import, IsRecordedInOneEntryOnceEverybodyWasHeard) {
  RaftCluster cluster;
  cluster.CreateImported({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  EXPECT_EQ(cluster.raft(kOne).status().last->index, LogIndex(1));
  LetTimePass(cluster);
  EXPECT_EQ(cluster.raft(kOne).status().last->index, LogIndex(2));
  const Membership membership = cluster.raft(kThree).status().membership;
  EXPECT_EQ(membership, UniformMembership({kOne, kTwo, kThree}));
  for (NodeId id : {kOne, kTwo, kThree}) {
    EXPECT_EQ(membership.identity.Recorded(id), cluster.disk(id).incarnation);
  }
  EXPECT_NE(cluster.raft(kTwo).core().cluster(), ClusterId());
  EXPECT_EQ(cluster.raft(kTwo).core().cluster(), cluster.raft(kOne).core().cluster());
}

TEST(Import, IsRecordedForTheOthersWhenOneStaysSilent) {
  RaftCluster cluster;
  cluster.CreateImported({kOne, kTwo, kThree});
  cluster.Crash(kThree);
  cluster.Step(kOne, Campaign{});
  LetTimePass(cluster, 20);
  EXPECT_EQ(cluster.raft(kOne).status().membership.identity.Recorded(kTwo), Incarnation());
  LetTimePass(cluster, 60);
  EXPECT_EQ(cluster.raft(kOne).status().membership.identity.Recorded(kTwo), cluster.disk(kTwo).incarnation);
  EXPECT_EQ(cluster.raft(kOne).status().membership.identity.Recorded(kThree), Incarnation());
}

TEST(Import, OfASingleNodeWritesNothingByItself) {
  RaftCluster cluster;
  cluster.CreateImported({kOne});
  cluster.Advance(Duration::Micros(0));
  LetTimePass(cluster, 100);
  EXPECT_EQ(cluster.raft(kOne).status().last->index, LogIndex(1));  // the blank entry
}

}  // namespace
}  // namespace metasrv::test
