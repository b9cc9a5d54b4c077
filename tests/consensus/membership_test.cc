#include "consensus/membership.h"

#include <gtest/gtest.h>

#include "consensus/membership_history.h"
#include "tests/support/raft_cluster.h"

namespace metasrv::test {
namespace {

const NodeId kOne(1), kTwo(2), kThree(3), kFour(4);

TEST(Membership, VotersOfAnyConfigAreVotersAndTheRestAreLearners) {
  const Membership joint{.configs = {{kOne}, {kOne, kTwo}}, .nodes = {kOne, kTwo, kThree}};
  EXPECT_TRUE(joint.IsJoint());
  EXPECT_TRUE(joint.IsVoter(kTwo));
  EXPECT_TRUE(joint.IsLearner(kThree));
  EXPECT_FALSE(joint.Contains(kFour));
  EXPECT_EQ(ToString(joint), "voters:[{1},{1,2}] learners:[3]");
}

TEST(Membership, ValidateWantsSortedNonEmptyConfigsInsideTheNodes) {
  EXPECT_TRUE(UniformMembership({kOne, kTwo}, {kThree}).Validate());
  EXPECT_FALSE((Membership{.configs = {{}}, .nodes = {kOne}}).Validate());
  EXPECT_FALSE((Membership{.configs = {{kTwo, kOne}}, .nodes = {kOne, kTwo}}).Validate());
  EXPECT_FALSE((Membership{.configs = {{kOne, kOne}}, .nodes = {kOne}}).Validate());
  EXPECT_FALSE((Membership{.configs = {{kOne, kTwo}}, .nodes = {kOne}}).Validate());
}

TEST(MembershipHistory, TheLastAppendedOneIsInEffectUntilItIsCut) {
  MembershipHistory history(std::nullopt, UniformMembership({kOne}));
  history.Append(Entry::OfMembership({Term(1), kOne, LogIndex(3)}, UniformMembership({kOne, kTwo})));
  history.Append(Entry::OfMembership({Term(1), kOne, LogIndex(5)}, UniformMembership({kOne, kTwo, kThree})));
  EXPECT_EQ(history.current_id()->index, LogIndex(5));
  history.TruncateFrom(LogIndex(4));
  EXPECT_EQ(history.current(), UniformMembership({kOne, kTwo}));
  history.TruncateFrom(LogIndex(0));
  EXPECT_EQ(history.current(), UniformMembership({kOne}));
}

TEST(MembershipHistory, WhatOnlyRecordsDisksIsNoChangeOfTheMembers) {
  MembershipHistory history(std::nullopt, UniformMembership({kOne, kTwo}));
  Membership next = UniformMembership({kOne, kTwo}, {kThree});
  history.Append(Entry::OfMembership({Term(1), kOne, LogIndex(3)}, next));
  next.identity.Record(kTwo, Incarnation(8));
  history.Append(Entry::OfMembership({Term(1), kOne, LogIndex(5)}, next));
  EXPECT_EQ(history.ChangesFrom(LogIndex(3)), 1U);
  EXPECT_EQ(history.ChangesFrom(LogIndex(4)), 0U);
  history.Append(Entry::OfMembership({Term(1), kOne, LogIndex(6)}, UniformMembership({kOne, kTwo})));
  EXPECT_EQ(history.ChangesFrom(LogIndex(3)), 2U);
}

TEST(MembershipHistory, RebaseForgetsWhatTheStateCoversAndKeepsTheRest) {
  MembershipHistory history(std::nullopt, {});
  history.Append(Entry::OfMembership({Term(1), kOne, LogIndex(3)}, UniformMembership({kOne, kTwo})));
  history.Append(Entry::OfMembership({Term(1), kOne, LogIndex(5)}, UniformMembership({kOne, kTwo, kThree})));
  history.Rebase(LogIndex(4), LogId{Term(1), kOne, LogIndex(3)}, UniformMembership({kOne, kTwo}));
  EXPECT_EQ(history.current(), UniformMembership({kOne, kTwo, kThree}));
  history.TruncateFrom(LogIndex(5));
  EXPECT_EQ(history.current_id()->index, LogIndex(3));
}

RaftCluster SingleLeader() {
  RaftCluster cluster;
  cluster.Create({kOne});
  cluster.Advance(Duration::Micros(0));
  cluster.Stabilize();
  return cluster;
}

TEST(Join, RepeatedJoinOfAVoterIsDoneAtOnceAndWritesNothing) {
  RaftCluster cluster = SingleLeader();
  const auto last = cluster.raft(kOne).status().last;
  cluster.Step(kOne, ChangeMembership{.id = RequestId(1), .node = kOne, .goal = MembershipGoal::kVoter});
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 1 done"}));
  EXPECT_EQ(cluster.raft(kOne).status().last, last);
}

ChangeMembership Change(std::uint64_t id, NodeId node, MembershipGoal goal) {
  return {.id = RequestId(id), .node = node, .goal = goal};
}

// Lets time and messages pass until nothing is under way.
void Settle(RaftCluster& cluster) {
  for (int i = 0; i < 100; ++i) {
    cluster.Stabilize();
    cluster.Advance(Duration::Millis(50));
  }
  cluster.Stabilize();
}

TEST(Join, FiveNodesThatAskAtOnceAllGetInWithoutAskingAgain) {
  RaftCluster cluster = SingleLeader();
  for (std::uint64_t id = 2; id <= 6; ++id) {
    cluster.CreateEmpty(NodeId(id));
    cluster.Step(kOne, Change(id, NodeId(id), MembershipGoal::kVoter));
  }
  Settle(cluster);
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 2 done", "1: change 3 done", "1: change 4 done",
                                                             "1: change 5 done", "1: change 6 done"}));
  EXPECT_EQ(cluster.raft(NodeId(6)).status().membership.Voters().size(), 6U);
}

TEST(Join, ANodeThatCannotBeReachedHoldsUpNobody) {
  RaftCluster cluster = SingleLeader();
  cluster.CreateEmpty(kThree);
  cluster.Step(kOne, Change(2, kTwo, MembershipGoal::kVoter));  // there is no node 2
  cluster.Step(kOne, Change(3, kThree, MembershipGoal::kVoter));
  Settle(cluster);
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 3 done"}));
  Settle(cluster);
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 2 not caught up"}));
  EXPECT_EQ(cluster.raft(kOne).status().membership, UniformMembership({kOne, kThree}));
}

TEST(Join, AQueuedChangeThatAFinishedOneMadeMootIsDoneAndWritesNothing) {
  RaftCluster cluster = SingleLeader();
  cluster.CreateEmpty(kTwo);
  for (std::uint64_t id = 1; id <= 3; ++id) cluster.Step(kOne, Change(id, kTwo, MembershipGoal::kVoter));
  Settle(cluster);
  EXPECT_EQ(cluster.TakeAnswers(),
            (std::vector<std::string>{"1: change 1 done", "1: change 2 done", "1: change 3 done"}));
  EXPECT_EQ(cluster.raft(kOne).status().last->index, LogIndex(4));  // first, blank, learner, joint, final
}

TEST(Join, ChangesOfOneNodeFollowOneAnother) {
  RaftCluster cluster = SingleLeader();
  cluster.CreateEmpty(kTwo);
  cluster.Step(kOne, Change(1, kTwo, MembershipGoal::kVoter));
  cluster.Step(kOne, Change(2, kTwo, MembershipGoal::kAbsent));
  cluster.Step(kOne, Change(3, kTwo, MembershipGoal::kLearner));
  Settle(cluster);
  EXPECT_EQ(cluster.TakeAnswers(),
            (std::vector<std::string>{"1: change 1 done", "1: change 2 done", "1: change 3 done"}));
  EXPECT_EQ(cluster.raft(kOne).status().membership, UniformMembership({kOne}, {kTwo}));
}

TEST(Join, AVoterThatAsksToLearnStaysAVoter) {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  cluster.Step(kOne, Change(1, kTwo, MembershipGoal::kLearner));
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 1 done"}));
  EXPECT_TRUE(cluster.raft(kOne).status().membership.IsVoter(kTwo));
}

TEST(Join, TheQueueIsBoundedAndALostLeadershipSaysWhatWasNotStarted) {
  RaftOptions options;
  options.changes_max = 3;
  RaftCluster cluster(options);
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  cluster.Isolate(kOne);
  for (std::uint64_t id = 4; id <= 7; ++id) cluster.Step(kOne, Change(id, NodeId(id), MembershipGoal::kVoter));
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 7 in progress"}));
  cluster.Advance(Duration::Seconds(3));
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 4 lost leadership", "1: change 5 not leader",
                                                             "1: change 6 not leader"}));
}

TEST(Join, AChangeThatWaitsTooLongIsAnsweredAsNotStarted) {
  RaftOptions options;
  options.change_wait_max = Duration::Seconds(2);
  RaftCluster cluster(options);
  cluster.Create({kOne});
  cluster.Advance(Duration::Micros(0));
  cluster.Stabilize();
  cluster.Step(kOne, Change(1, kTwo, MembershipGoal::kVoter));  // there is no node 2
  cluster.Step(kOne, Change(2, kTwo, MembershipGoal::kAbsent));
  cluster.Advance(Duration::Seconds(3));
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 2 in progress"}));
}

TEST(Join, ALearnerThatADeadLeaderLeftBehindIsPromotedWhenItAsksTheNextOne) {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo, kThree});
  cluster.CreateEmpty(kFour);
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  cluster.Isolate(kFour);  // the leader gets no further than the learner entry
  cluster.Step(kOne, Change(1, kFour, MembershipGoal::kVoter));
  cluster.Stabilize();
  cluster.Crash(kOne);
  cluster.Heal();
  Settle(cluster);
  const NodeId leader = *cluster.leader();
  EXPECT_TRUE(cluster.raft(leader).status().membership.IsLearner(kFour));
  cluster.Step(leader, Change(2, kFour, MembershipGoal::kVoter));
  Settle(cluster);
  EXPECT_TRUE(cluster.raft(leader).status().membership.IsVoter(kFour));
}

TEST(Join, FollowerRefusesAMembershipChange) {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kTwo, ChangeMembership{.id = RequestId(1), .node = kFour, .goal = MembershipGoal::kVoter});
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"2: change 1 not leader"}));
}

TEST(Join, GrowsFromOneToThreeAndEveryoneHasEverything) {
  RaftCluster cluster = SingleLeader();
  cluster.Step(kOne, Propose{{{RequestId(9), "a"}}});
  for (NodeId joiner : {kTwo, kThree}) {
    cluster.CreateEmpty(joiner);
    cluster.Step(kOne,
                 ChangeMembership{.id = RequestId(joiner.value()), .node = joiner, .goal = MembershipGoal::kVoter});
    cluster.Stabilize();
    cluster.Advance(Duration::Millis(500));
    cluster.Stabilize();
  }
  EXPECT_EQ(cluster.raft(kThree).status().membership, UniformMembership({kOne, kTwo, kThree}));
  EXPECT_EQ(cluster.applied(kThree), (std::vector<std::string>{"a"}));
}

TEST(Join, LearnerReceivesTheLogButNeverVotes) {
  RaftCluster cluster = SingleLeader();
  cluster.CreateEmpty(kTwo);
  cluster.Step(kOne, ChangeMembership{.id = RequestId(1), .node = kTwo, .goal = MembershipGoal::kLearner});
  cluster.Step(kOne, Propose{{{RequestId(2), "a"}}});
  cluster.Stabilize();
  EXPECT_EQ(cluster.raft(kTwo).status().role, RoleName::kLearner);
  EXPECT_EQ(cluster.applied(kTwo), (std::vector<std::string>{"a"}));
  cluster.Crash(kOne);
  cluster.Advance(Duration::Seconds(20));
  EXPECT_EQ(cluster.raft(kTwo).status().role, RoleName::kLearner);
}

TEST(Leave, UnknownNodeIsRemovedWithoutComplaint) {
  RaftCluster cluster = SingleLeader();
  cluster.Step(kOne, ChangeMembership{.id = RequestId(1), .node = kFour, .goal = MembershipGoal::kAbsent});
  cluster.Stabilize();
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 1 done"}));
}

RaftCluster ThreeWithLeaderOne() {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  return cluster;
}

TEST(Leave, ALeaderRemovesItselfAndTheOthersGoOn) {
  RaftCluster cluster = ThreeWithLeaderOne();
  cluster.Step(kOne, Propose{{{RequestId(9), "a"}}});
  cluster.Step(kOne, Change(1, kOne, MembershipGoal::kAbsent));
  cluster.Stabilize();
  const auto answers = cluster.TakeAnswers();
  EXPECT_EQ(answers.back(), "1: change 1 done");
  EXPECT_EQ(cluster.raft(kOne).status().role, RoleName::kLearner);
  Settle(cluster);
  EXPECT_NE(*cluster.leader(), kOne);
  EXPECT_EQ(cluster.raft(*cluster.leader()).status().membership, UniformMembership({kTwo, kThree}));
  EXPECT_EQ(cluster.applied(*cluster.leader()), (std::vector<std::string>{"a"}));
}

TEST(Leave, ALeaderDoesNotCountItselfInTheConfigurationWithoutIt) {
  RaftCluster cluster = ThreeWithLeaderOne();
  cluster.Step(kOne, Change(1, kOne, MembershipGoal::kAbsent));
  while (cluster.raft(kOne).status().membership.Contains(kOne)) {
    cluster.Deliver([](NodeId, NodeId) { return true; });
  }
  const LogIndex final_index = cluster.raft(kOne).status().membership_id->index;
  cluster.Deliver([](NodeId from, NodeId to) { return from == kOne && to == kTwo; });
  cluster.Deliver([](NodeId from, NodeId to) { return from == kTwo && to == kOne; });
  EXPECT_LE(cluster.raft(kOne).status().commit_end, final_index);  // itself and node 2 are no majority of {2,3}
  cluster.Stabilize();
  EXPECT_EQ(cluster.raft(kTwo).status().commit_end, LogIndex(final_index.value() + 1));
}

TEST(Leave, TheSurvivorOfTwoCanLeadAfterTheLeaderRemovedItselfEvenWhenItWasNotToldOfTheCommit) {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  cluster.Step(kOne, Change(1, kOne, MembershipGoal::kAbsent));
  while (cluster.leader()) cluster.Deliver([](NodeId, NodeId) { return true; });
  cluster.Drop([](NodeId, NodeId) { return true; });
  cluster.Crash(kOne);
  Settle(cluster);
  EXPECT_EQ(cluster.leader(), kTwo);
  cluster.Step(kTwo, Propose{{{RequestId(5), "b"}}});
  EXPECT_EQ(cluster.applied(kTwo), (std::vector<std::string>{"b"}));
}

TEST(Leave, ALeaderThatInheritsItsOwnRemovalFinishesItAndStepsDown) {
  RaftCluster cluster = ThreeWithLeaderOne();
  cluster.Step(kOne, Change(1, kTwo, MembershipGoal::kAbsent));
  cluster.Deliver([](NodeId, NodeId) { return true; });  // the joint entry reaches the others
  ASSERT_TRUE(cluster.raft(kTwo).status().membership.IsJoint());
  cluster.Crash(kOne);
  cluster.Drop([](NodeId, NodeId) { return true; });
  cluster.Restart(kOne);
  cluster.Advance(Duration::Millis(1000));
  cluster.Step(kTwo, Campaign{});
  cluster.Stabilize();
  EXPECT_FALSE(cluster.raft(kThree).status().membership.Contains(kTwo));
  EXPECT_EQ(cluster.raft(kTwo).status().role, RoleName::kLearner);
  Settle(cluster);
  EXPECT_EQ(cluster.raft(*cluster.leader()).status().membership, UniformMembership({kOne, kThree}));
}

TEST(Leave, ADeadVoterOfThreeCanBeRemovedAndAFourthBeAdded) {
  RaftCluster cluster = ThreeWithLeaderOne();
  cluster.CreateEmpty(kFour);
  cluster.Crash(kThree);
  Settle(cluster);
  cluster.Step(kOne, Change(1, kFour, MembershipGoal::kVoter));
  Settle(cluster);
  cluster.Step(kOne, Change(2, kThree, MembershipGoal::kAbsent));
  Settle(cluster);
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 1 done", "1: change 2 done"}));
  EXPECT_EQ(cluster.raft(kOne).status().membership, UniformMembership({kOne, kTwo, kFour}));
}

TEST(Leave, ARemovalThatWouldLeaveTooFewReachableVotersIsRefusedAndNamesThem) {
  RaftCluster cluster = ThreeWithLeaderOne();
  cluster.Crash(kThree);
  Settle(cluster);
  const auto last = cluster.raft(kOne).status().last;
  cluster.Step(kOne, Change(1, kTwo, MembershipGoal::kAbsent));
  cluster.Step(kOne, Change(2, kOne, MembershipGoal::kAbsent));
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 1 no quorum, not reached: 3",
                                                             "1: change 2 no quorum, not reached: 3"}));
  EXPECT_EQ(cluster.raft(kOne).status().last, last);
}

TEST(Leave, TheLastVoterCannotBeRemoved) {
  RaftCluster cluster = SingleLeader();
  cluster.Step(kOne, Change(1, kOne, MembershipGoal::kAbsent));
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 1 refused"}));
}

TEST(Leave, ARemovedVoterStillVotesWhenTheLeaderDiesBeforeItsRemovalIsCommitted) {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo, kThree, kFour});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  cluster.Step(kOne, Change(1, kFour, MembershipGoal::kAbsent));
  while (cluster.raft(kOne).status().membership.Contains(kFour)) {
    cluster.Deliver([](NodeId, NodeId) { return true; });
  }
  cluster.Deliver([](NodeId, NodeId to) { return to == kFour; });  // whatever there is for it arrives
  cluster.Crash(kOne);
  cluster.Drop([](NodeId, NodeId) { return true; });
  Settle(cluster);
  ASSERT_TRUE(cluster.leader().has_value());  // three of four in the joint configuration, node 4 among them
  Settle(cluster);
  EXPECT_EQ(cluster.raft(*cluster.leader()).status().membership, UniformMembership({kOne, kTwo, kThree}));
}

TEST(Leave, ARemovedNodeIsToldUntilItKnowsAndStopsCampaigning) {
  RaftCluster cluster = ThreeWithLeaderOne();
  cluster.Isolate(kThree);  // it misses its own removal
  cluster.Step(kOne, Change(1, kThree, MembershipGoal::kAbsent));
  cluster.Stabilize();
  cluster.Advance(Duration::Seconds(1));
  cluster.Heal();
  Settle(cluster);
  EXPECT_EQ(cluster.raft(kThree).status().membership, UniformMembership({kOne, kTwo}));
  EXPECT_EQ(cluster.raft(kThree).status().commit_end, cluster.raft(kOne).status().commit_end);
  EXPECT_FALSE(cluster.raft(kOne).status().replication.contains(kThree));
  const Term term = cluster.raft(kOne).status().hard_state.term;
  cluster.Step(kOne, Propose{{{RequestId(9), "later"}}});
  Settle(cluster);
  EXPECT_EQ(cluster.raft(kOne).status().hard_state.term, term);
  EXPECT_TRUE(cluster.applied(kThree).empty());  // it knows, so nothing is sent to it any more
}

TEST(ForceSingleVoter, ASurvivorGoesOnAloneWithEverythingInItsLog) {
  RaftCluster cluster = ThreeWithLeaderOne();
  cluster.Step(kOne, Propose{{{RequestId(9), "a"}}});
  cluster.Deliver([](NodeId, NodeId to) { return to == kTwo; });  // node 2 holds it and does not know of the commit
  cluster.Crash(kOne);
  cluster.Crash(kThree);
  cluster.Drop([](NodeId, NodeId) { return true; });
  const Term term = cluster.raft(kTwo).status().hard_state.term;
  Settle(cluster);
  cluster.Advance(Duration::Seconds(6));
  cluster.Step(kTwo, ForceSingleVoter{RequestId(1)});
  EXPECT_EQ(cluster.TakeAnswers().back(), "2: change 1 done");
  Settle(cluster);
  EXPECT_EQ(cluster.leader(), kTwo);
  EXPECT_GT(cluster.raft(kTwo).status().hard_state.term, term);
  EXPECT_EQ(cluster.raft(kTwo).status().membership, UniformMembership({kTwo}));
  EXPECT_EQ(cluster.applied(kTwo), (std::vector<std::string>{"a"}));
}

TEST(ForceSingleVoter, IsRefusedWhileThereIsALeaderOrWasAMomentAgo) {
  RaftCluster cluster = ThreeWithLeaderOne();
  (void)cluster.TakeAnswers();
  cluster.Step(kOne, ForceSingleVoter{RequestId(1)});
  cluster.Step(kTwo, ForceSingleVoter{RequestId(2)});
  cluster.Isolate(kOne);
  cluster.Advance(Duration::Seconds(4));
  ASSERT_EQ(cluster.raft(kOne).status().role, RoleName::kCandidate);
  cluster.Step(kOne, ForceSingleVoter{RequestId(4)});
  cluster.Crash(kOne);
  cluster.Crash(kThree);
  cluster.Crash(kTwo);
  cluster.Restart(kTwo);
  cluster.Advance(Duration::Seconds(2));
  cluster.Step(kTwo, ForceSingleVoter{RequestId(3)});
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 1 leader alive", "2: change 2 leader alive",
                                                             "1: change 4 leader alive", "2: change 3 leader alive"}));
  EXPECT_EQ(cluster.raft(kTwo).status().membership.Voters().size(), 3U);
}

TEST(ForceSingleVoter, IsRefusedToALearner) {
  RaftCluster cluster = SingleLeader();
  cluster.CreateEmpty(kTwo);
  cluster.Step(kOne, Change(1, kTwo, MembershipGoal::kLearner));
  Settle(cluster);
  (void)cluster.TakeAnswers();
  cluster.Crash(kOne);
  cluster.Advance(Duration::Seconds(20));
  cluster.Step(kTwo, ForceSingleVoter{RequestId(2)});
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"2: change 2 refused"}));
}

}  // namespace
}  // namespace metasrv::test
