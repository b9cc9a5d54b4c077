// One test per rule of Ongaro's thesis; the section is named at each.
#include <gtest/gtest.h>

#include "tests/support/raft_cluster.h"

namespace metasrv::test {
namespace {

const NodeId kOne(1), kTwo(2), kThree(3);
const std::function<bool(NodeId, NodeId)> kAll = [](NodeId, NodeId) { return true; };

RaftCluster ThreeNodes() {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo, kThree});
  return cluster;
}

RaftCluster Led() {
  RaftCluster cluster = ThreeNodes();
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  return cluster;
}

RoleName RoleOf(const RaftCluster& cluster, NodeId id) { return cluster.raft(id).status().role; }

// §3.4
TEST(Election, FollowerCampaignsAfterSilence) {
  RaftCluster cluster = ThreeNodes();
  EXPECT_TRUE(cluster.Converge());
}

// §3.4
TEST(Election, SingleVoterLeadsAtOnce) {
  RaftCluster cluster;
  cluster.Create({kOne});
  cluster.Advance(Duration::Micros(0));
  EXPECT_EQ(RoleOf(cluster, kOne), RoleName::kLeader);
}

// §3.4
TEST(Election, CandidateStepsDownWhenItHearsALeaderOfItsTerm) {
  RaftCluster cluster = ThreeNodes();
  cluster.disk(kTwo).manual = true;
  cluster.Step(kTwo, Received{kOne, VoteResponse{.term = Term(1), .pre_vote = true, .granted = true}});
  cluster.Step(kTwo, Campaign{});
  cluster.Step(kTwo, Received{kThree, VoteResponse{.term = Term(1), .pre_vote = true, .granted = true}});
  ASSERT_EQ(RoleOf(cluster, kTwo), RoleName::kCandidate);
  cluster.Step(kTwo,
               Received{kOne, AppendRequest{.term = Term(1), .prev = {}, .entries = {}, .commit_end = {}, .round = 1}});
  EXPECT_EQ(RoleOf(cluster, kTwo), RoleName::kFollower);
  EXPECT_EQ(cluster.raft(kTwo).status().leader, kOne);
}

// §3.4
TEST(Election, VoterVotesForOneCandidatePerTerm) {
  RaftCluster cluster = ThreeNodes();
  const auto last = cluster.raft(kOne).status().last;
  cluster.Step(kThree, Received{kOne, VoteRequest{.term = Term(1), .pre_vote = false, .last = last}});
  cluster.Step(kThree, Received{kTwo, VoteRequest{.term = Term(1), .pre_vote = false, .last = last}});
  EXPECT_EQ(cluster.raft(kThree).status().hard_state.voted_for, kOne);
  const auto texts = cluster.Deliver(kAll);
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_EQ(texts[0], "3->1 VoteResponse term=1 granted");
  EXPECT_EQ(texts[1], "3->2 VoteResponse term=1 denied");
}

// §3.6.1
TEST(Election, VoterRefusesACandidateWithAnOlderLastTermHoweverLongItsLog) {
  RaftCluster cluster = Led();
  cluster.Isolate(kOne);
  cluster.Advance(Duration::Millis(1200));
  const LogId longer{Term(0), NodeId(9), LogIndex(50)};
  cluster.Drop(kAll);
  cluster.Step(kTwo, Received{kThree, VoteRequest{.term = Term(9), .pre_vote = false, .last = longer}});
  EXPECT_EQ(cluster.raft(kTwo).status().hard_state.voted_for, std::nullopt);
}

// §3.6.1: only the lengths differ.
TEST(Election, VoterRefusesACandidateWithAShorterLogOfTheSameTerm) {
  RaftCluster cluster = Led();
  cluster.Step(kOne, Propose{{{RequestId(1), "a"}}});
  cluster.Stabilize();
  cluster.Isolate(kOne);
  cluster.Advance(Duration::Millis(1200));
  cluster.Drop(kAll);
  const LogId shorter{Term(1), kOne, LogIndex(1)};
  cluster.Step(kTwo, Received{kThree, VoteRequest{.term = Term(9), .pre_vote = false, .last = shorter}});
  EXPECT_EQ(cluster.raft(kTwo).status().hard_state.voted_for, std::nullopt);
}

// §9.6
TEST(Election, PreVoteChangesNoTerm) {
  RaftCluster cluster = ThreeNodes();
  cluster.Step(kOne, Campaign{});
  cluster.Deliver(kAll);
  for (NodeId id : cluster.ids()) EXPECT_EQ(cluster.raft(id).status().hard_state.term, Term(0));
}

// §4.2.3
TEST(Election, VoterIgnoresCampaignsWhileItsLeaderIsFresh) {
  RaftCluster cluster = Led();
  const LogId last = *cluster.raft(kTwo).status().last;
  cluster.Step(kTwo, Received{kThree, VoteRequest{.term = Term(9), .pre_vote = false, .last = last}});
  EXPECT_EQ(cluster.raft(kTwo).status().hard_state.term, Term(1));
  EXPECT_TRUE(cluster.Deliver(kAll).empty());
}

// §3.3
TEST(Terms, LeaderStepsDownWhenItSeesAHigherTerm) {
  RaftCluster cluster = Led();
  cluster.Step(kOne, Received{kTwo, AppendResponse{.term = Term(7)}});
  EXPECT_EQ(RoleOf(cluster, kOne), RoleName::kFollower);
  EXPECT_EQ(cluster.raft(kOne).status().hard_state.term, Term(7));
}

// §3.3
TEST(Terms, AppendOfAnOldTermIsAnsweredWithTheNewOne) {
  RaftCluster cluster = Led();
  cluster.Step(
      kTwo, Received{kThree, AppendRequest{.term = Term(0), .prev = {}, .entries = {}, .commit_end = {}, .round = 0}});
  const auto texts = cluster.Deliver(kAll);
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_EQ(texts[0], "2->3 AppendResponse term=1 refused hint=0 round=0");
}

// §3.5
TEST(Replication, EntryIsCommittedOnceAMajorityHoldsIt) {
  RaftCluster cluster = Led();
  cluster.Isolate(kThree);
  cluster.Step(kOne, Propose{{{RequestId(1), "a"}}});
  cluster.Stabilize();
  EXPECT_EQ(cluster.applied(kOne), (std::vector<std::string>{"a"}));
}

// §3.5
TEST(Replication, EntryIsNotCommittedOnAMinority) {
  RaftCluster cluster = Led();
  cluster.Isolate(kTwo);
  cluster.Isolate(kThree);
  cluster.Step(kOne, Propose{{{RequestId(1), "a"}}});
  cluster.Stabilize();
  EXPECT_TRUE(cluster.applied(kOne).empty());
}

// §3.5: Raft's log matching check.
TEST(Replication, FollowerRefusesEntriesThatDoNotFollowWhatItHas) {
  RaftCluster cluster = Led();
  const LogId beyond{Term(1), kOne, LogIndex(7)};
  cluster.Step(kTwo, Received{kOne, AppendRequest{.term = Term(1),
                                                  .prev = beyond,
                                                  .entries = {Entry::Normal({Term(1), kOne, LogIndex(8)}, "x")},
                                                  .commit_end = {},
                                                  .round = 0}});
  EXPECT_EQ(cluster.raft(kTwo).status().last->index, LogIndex(1));
}

// §3.5: commit never exceeds what the request proved.
TEST(Replication, CommitIsCappedAtTheLastEntryTheRequestSpokeAbout) {
  RaftCluster cluster = Led();
  cluster.Step(kTwo, Received{kOne, AppendRequest{.term = Term(1),
                                                  .prev = LogId{Term(0), kOne, LogIndex(0)},
                                                  .entries = {},
                                                  .commit_end = LogIndex(2),
                                                  .round = 0}});
  EXPECT_LE(cluster.raft(kTwo).status().commit_end, LogIndex(2));
}

// §3.6.2
TEST(Commit, EntryOfAnOlderTermIsCommittedOnlyTogetherWithOneOfTheOwnTerm) {
  RaftCluster cluster = Led();
  cluster.Isolate(kThree);
  cluster.Step(kOne, Propose{{{RequestId(1), "a"}}});
  cluster.Deliver([](NodeId, NodeId to) { return to == kTwo; });
  cluster.Crash(kOne);
  cluster.Heal();
  cluster.Advance(Duration::Millis(1100));
  cluster.Drop(kAll);
  cluster.Step(kTwo, Campaign{});
  for (int i = 0; i < 4; ++i) cluster.Deliver(kAll);
  ASSERT_EQ(RoleOf(cluster, kTwo), RoleName::kLeader);
  cluster.Step(kTwo,
               Received{kThree, AppendResponse{.term = Term(2), .success = true, .end = LogIndex(3), .round = 0}});
  EXPECT_LE(cluster.raft(kTwo).status().commit_end, LogIndex(2));
  cluster.Step(kTwo,
               Received{kThree, AppendResponse{.term = Term(2), .success = true, .end = LogIndex(4), .round = 0}});
  EXPECT_EQ(cluster.applied(kTwo), (std::vector<std::string>{"a"}));
}

// §6.2
TEST(CheckQuorum, LeaderWithoutAMajorityStepsDown) {
  RaftCluster cluster = Led();
  cluster.Isolate(kOne);
  cluster.Advance(Duration::Millis(2100));
  EXPECT_NE(RoleOf(cluster, kOne), RoleName::kLeader);
}

// §3.8
TEST(Restart, NodeRemembersItsTermItsVoteAndItsLog) {
  RaftCluster cluster = Led();
  cluster.Step(kOne, Propose{{{RequestId(1), "a"}}});
  cluster.Stabilize();
  const RaftStatus before = cluster.raft(kTwo).status();
  cluster.Crash(kTwo);
  cluster.Restart(kTwo);
  const RaftStatus after = cluster.raft(kTwo).status();
  EXPECT_EQ(after.hard_state, before.hard_state);
  EXPECT_EQ(after.last, before.last);
}

}  // namespace
}  // namespace metasrv::test
