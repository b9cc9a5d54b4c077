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

TEST(Join, SecondChangeIsRefusedWhileOneRuns) {
  RaftCluster cluster = SingleLeader();
  cluster.Step(kOne, ChangeMembership{.id = RequestId(1), .node = kTwo, .goal = MembershipGoal::kVoter});
  cluster.Step(kOne, ChangeMembership{.id = RequestId(2), .node = kThree, .goal = MembershipGoal::kVoter});
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: change 2 in progress"}));
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

}  // namespace
}  // namespace metasrv::test
