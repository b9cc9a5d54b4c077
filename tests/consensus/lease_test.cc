#include "consensus/lease.h"

#include <gtest/gtest.h>

#include "tests/support/raft_cluster.h"

namespace metasrv::test {
namespace {

const NodeId kOne(1), kTwo(2), kThree(3), kFour(4);
using Answers = std::vector<std::string>;

Instant At(std::int64_t millis) { return Instant::FromMicros(millis * 1000); }
Duration Ms(std::int64_t millis) { return Duration::Millis(millis); }

TEST(Lease, LastsFromTheSendingOfItsRoundNotFromTheAnswers) {
  Lease lease(Ms(900));
  lease.Sent(1, At(1000));
  EXPECT_FALSE(lease.Holds(At(1000)));
  lease.Confirmed(1, At(1500));
  EXPECT_TRUE(lease.Holds(At(1899)));
  EXPECT_FALSE(lease.Holds(At(1900)));
}

TEST(Lease, ConfirmingALaterRoundCountsItsOwnSending) {
  Lease lease(Ms(900));
  lease.Sent(1, At(1000));
  lease.Sent(2, At(1400));
  lease.Confirmed(2, At(1500));
  EXPECT_EQ(lease.until(), At(2300));
  lease.Confirmed(1, At(1600));
  EXPECT_EQ(lease.until(), At(2300));
}

TEST(Lease, AfterADropOnlyRoundsSentLaterCount) {
  Lease lease(Ms(900));
  lease.Sent(1, At(1000));
  lease.Confirmed(1, At(1100));
  lease.Sent(2, At(1200));
  lease.Drop();
  EXPECT_FALSE(lease.Holds(At(1200)));
  lease.Confirmed(2, At(1300));
  EXPECT_FALSE(lease.Holds(At(1300)));
  lease.Sent(3, At(1400));
  lease.Confirmed(3, At(1500));
  EXPECT_TRUE(lease.Holds(At(1500)));
}

TEST(Lease, IsGoneForGoodOnceForfeited) {
  Lease lease(Ms(900));
  lease.Sent(1, At(1000));
  lease.Forfeit();
  lease.Sent(2, At(1100));
  lease.Confirmed(2, At(1200));
  EXPECT_FALSE(lease.Holds(At(1200)));
}

TEST(Lease, SpanLeavesRoomForTwoClocksThatDriftApartAndForAMargin) {
  RaftOptions options;
  options.election_timeout_min = Ms(1000);
  EXPECT_EQ(options.LeaseSpan(), Ms(930));
  options.clock_drift_bound_ppm = 100'000;
  EXPECT_EQ(options.LeaseSpan(), Ms(750));
  // A voter that is fast and a leader that is slow, each by the bound: the promise outlasts the lease.
  const std::int64_t promise = options.election_timeout_min.micros() * 10 / 11;
  const std::int64_t lease = options.LeaseSpan().micros() * 10 / 9;
  EXPECT_GT(promise, lease);
  // ... even when the clocks stood still unnoticed, twice.
  EXPECT_GT(promise, lease + 2 * options.ClockTolerance().micros());
  options.clock_drift_bound_ppm = 480'000;
  EXPECT_FALSE(options.Validate());
}

RaftOptions WithLease() {
  RaftOptions options;
  options.heartbeat_interval = Ms(100);
  options.election_timeout_min = Ms(1000);
  options.election_timeout_max = Ms(1500);
  options.lease = true;
  return options;
}

// Node 1 leads three voters and has just had a round confirmed.
RaftCluster Led() {
  RaftCluster cluster(WithLease());
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  cluster.Advance(Ms(100));
  cluster.Stabilize();
  return cluster;
}

// Whether node 1 answers a read within the step.
bool AnswersAtOnce(RaftCluster& cluster) {
  static std::uint64_t id = 1000;
  cluster.Step(kOne, Read{RequestId(++id)});
  const Answers answers = cluster.TakeAnswers();
  return answers.size() == 1 && answers[0].find(" failed") == std::string::npos;
}

TEST(LeaseReads, AreAnsweredWithoutARoundWhileTheLeaseHoldsAndByOneAfterwards) {
  RaftCluster cluster = Led();
  EXPECT_TRUE(AnswersAtOnce(cluster));
  cluster.Isolate(kOne);
  cluster.Advance(Ms(929));
  EXPECT_TRUE(AnswersAtOnce(cluster));
  cluster.Advance(Ms(1));
  EXPECT_FALSE(AnswersAtOnce(cluster));
}

TEST(LeaseReads, AreOffUnlessAskedFor) {
  RaftOptions options = WithLease();
  options.lease = false;
  RaftCluster cluster(options);
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  cluster.Advance(Ms(100));
  cluster.Stabilize();
  EXPECT_FALSE(AnswersAtOnce(cluster));
}

TEST(LeaseReads, AFollowersReadIsAnsweredUnderTheLeadersLease) {
  RaftCluster cluster = Led();
  cluster.Step(kTwo, Read{RequestId(7)});
  cluster.Deliver([](NodeId from, NodeId) { return from == kTwo; });
  EXPECT_EQ(cluster.Deliver([](NodeId, NodeId to) { return to == kTwo; }),
            (Answers{"1->2 ReadIndexResponse term=1 id=7 end=2"}));
  EXPECT_EQ(cluster.TakeAnswers(), (Answers{"2: read 7 after 2 entries"}));
}

TEST(LeaseReads, WaitForAnEntryOfTheOwnTerm) {
  RaftCluster cluster(WithLease());
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  for (int i = 0; i < 4; ++i) cluster.Deliver([](NodeId, NodeId) { return true; });
  ASSERT_EQ(cluster.leader(), kOne);
  // The blank entry reaches nobody's disk.
  cluster.disk(kTwo).manual = cluster.disk(kThree).manual = true;
  cluster.Deliver([](NodeId, NodeId) { return true; });
  cluster.Advance(Ms(100));
  for (int i = 0; i < 4; ++i) cluster.Deliver([](NodeId, NodeId) { return true; });
  EXPECT_FALSE(AnswersAtOnce(cluster));
  cluster.disk(kTwo).manual = false;
  cluster.Stabilize();
  EXPECT_EQ(cluster.TakeAnswers().size(), 1U);
}

TEST(LeaseReads, EndWithAJumpOfTheClockUntilAFreshRound) {
  for (const auto kind : {ClockJumped::Kind::kDisagreement, ClockJumped::Kind::kPause}) {
    RaftCluster cluster = Led();
    cluster.Advance(Ms(100));  // a round is on its way that was sent before the jump
    cluster.Step(kOne, ClockJumped{kind});
    EXPECT_FALSE(AnswersAtOnce(cluster));
    cluster.Deliver([](NodeId from, NodeId) { return from == kOne; });
    cluster.Deliver([](NodeId, NodeId to) { return to == kOne; });
    static_cast<void>(cluster.TakeAnswers());
    cluster.Stabilize();
    EXPECT_TRUE(AnswersAtOnce(cluster));
  }
}

// TiKV's bug of this kind: https://github.com/tikv/tikv/pull/9239.
TEST(LeaseReads, EndForGoodBeforeAnotherNodeIsToldToCampaign) {
  RaftCluster cluster = Led();
  ASSERT_TRUE(AnswersAtOnce(cluster));
  cluster.Step(kOne, TransferLeadership{.id = RequestId(1), .to = kTwo});
  EXPECT_FALSE(AnswersAtOnce(cluster));
  // The message does not arrive; node 1 leads on, and the message might still arrive.
  cluster.Isolate(kTwo);
  for (int i = 0; i < 14; ++i) {
    cluster.Advance(Ms(100));
    cluster.Stabilize();
    if (i == 11) cluster.Heal();
  }
  ASSERT_EQ(cluster.leader(), kOne);
  ASSERT_FALSE(cluster.raft(kOne).core().IsTransferring());
  static_cast<void>(cluster.TakeAnswers());
  EXPECT_FALSE(AnswersAtOnce(cluster));
  cluster.Stabilize();
  EXPECT_EQ(cluster.TakeAnswers().size(), 1U);
}

TEST(LeaseReads, EndWithEveryConfigurationThatTheLeaderAppends) {
  RaftCluster cluster = Led();
  cluster.CreateEmpty(kFour);
  ASSERT_TRUE(AnswersAtOnce(cluster));
  cluster.Step(kOne, ChangeMembership{.id = RequestId(1), .node = kFour, .goal = MembershipGoal::kLearner});
  EXPECT_FALSE(AnswersAtOnce(cluster));
  cluster.Stabilize();
  cluster.Advance(Ms(100));
  cluster.Stabilize();
  static_cast<void>(cluster.TakeAnswers());
  EXPECT_TRUE(AnswersAtOnce(cluster));
}

TEST(LeaseReads, InAJointConfigurationNeedAQuorumOfBothHalves) {
  RaftCluster cluster = Led();
  cluster.CreateEmpty(kFour);
  cluster.Step(kOne, ChangeMembership{.id = RequestId(1), .node = kFour, .goal = MembershipGoal::kVoter});
  // The joint entry {1,2,3},{1,2,3,4} reaches one follower only: three of the four are not there.
  for (int i = 0; i < 40 && !cluster.raft(kOne).status().membership.IsJoint(); ++i) {
    cluster.Deliver([](NodeId, NodeId) { return true; });
    cluster.Advance(Ms(10));
  }
  ASSERT_TRUE(cluster.raft(kOne).status().membership.IsJoint());
  cluster.Isolate(kFour);
  cluster.Isolate(kThree);
  static_cast<void>(cluster.TakeAnswers());
  cluster.Advance(Ms(100));
  cluster.Stabilize();
  EXPECT_FALSE(AnswersAtOnce(cluster));
}

TEST(LeaseReads, ASingleVoterNeedsNobody) {
  RaftCluster cluster(WithLease());
  cluster.Create({kOne});
  cluster.Advance(Ms(10));
  cluster.Stabilize();
  ASSERT_EQ(cluster.leader(), kOne);
  EXPECT_TRUE(AnswersAtOnce(cluster));
}

// --- stickiness

// A leader of three was elected; node 2 restarts while it is silent, and node 3 wants to lead.
TEST(Stickiness, SurvivesARestartOfTheVoter) {
  RaftCluster cluster = Led();
  cluster.Isolate(kOne);
  cluster.Advance(Ms(900));
  cluster.Crash(kTwo);
  cluster.Restart(kTwo);
  cluster.Advance(Ms(590));
  cluster.Stabilize();
  EXPECT_NE(cluster.leader(), kThree);
  cluster.Step(kThree, Campaign{});
  cluster.Stabilize();
  EXPECT_NE(cluster.leader(), kThree) << "node 2 may have confirmed node 1's lease right before it died";
  cluster.Advance(Ms(420));
  cluster.Step(kThree, Campaign{});
  cluster.Stabilize();
  EXPECT_EQ(cluster.leader(), kThree);
}

TEST(Stickiness, DoesNotDelayAClusterThatNobodyEverLed) {
  RaftCluster cluster(WithLease());
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kTwo, Campaign{});
  cluster.Stabilize();
  EXPECT_EQ(cluster.leader(), kTwo);
}

TEST(Stickiness, DoesNotDelayAnOnlyVoter) {
  RaftCluster cluster(WithLease());
  cluster.Create({kOne});
  cluster.Advance(Ms(1));
  ASSERT_EQ(cluster.leader(), kOne);
  cluster.Crash(kOne);
  cluster.Restart(kOne);
  cluster.Advance(Ms(1));
  EXPECT_EQ(cluster.leader(), kOne);
}

// A follower whose leader has just removed itself, and whose disk has room again.
TEST(Stickiness, DoesNotKeepAVoterThatIsTheOnlyOneNowFromCampaigning) {
  RaftCluster cluster(WithLease());
  cluster.Create({kOne, kTwo});
  const LogId first{Term(0), kOne, LogIndex(0)};
  cluster.Step(kTwo, Received{kOne, AppendRequest{.term = Term(1),
                                                  .prev = first,
                                                  .entries = {Entry::OfMembership({Term(1), kOne, LogIndex(1)},
                                                                                  UniformMembership({kTwo}))},
                                                  .commit_end = LogIndex(1)}});
  cluster.Step(kTwo, DiskSpace{SpaceLevel::kCritical});
  cluster.Step(kTwo, DiskSpace{SpaceLevel::kEnough});
  cluster.Advance(Ms(1));
  EXPECT_EQ(cluster.leader(), kTwo);
}

TEST(Stickiness, AVoterThatHeardOfANewTermStillOwesLoyaltyToTheLeaderOfTheOldOne) {
  RaftCluster cluster = Led();
  const std::optional<LogId> last = cluster.raft(kThree).status().last;
  // A late answer from another term, and then the vote request that belongs to it.
  cluster.Step(kTwo, Received{kThree, VoteResponse{.term = Term(2), .pre_vote = true, .granted = false}});
  ASSERT_EQ(cluster.raft(kTwo).status().hard_state.term, Term(2));
  cluster.Step(kTwo, Received{kThree, VoteRequest{.term = Term(2), .pre_vote = false, .last = last}});
  EXPECT_EQ(cluster.raft(kTwo).status().hard_state.voted_for, std::nullopt);
  EXPECT_TRUE(AnswersAtOnce(cluster)) << "node 1 does not know yet, and nobody else can have been elected";
}

TEST(Stickiness, BeginsAnewWhenTheVotersClocksDisagree) {
  RaftCluster cluster = Led();
  cluster.Isolate(kOne);
  cluster.Advance(Ms(700));
  cluster.Step(kTwo, ClockJumped{ClockJumped::Kind::kDisagreement});
  cluster.Step(kThree, ClockJumped{ClockJumped::Kind::kPause});
  cluster.Advance(Ms(400));
  cluster.Step(kThree, Campaign{});
  cluster.Stabilize();
  EXPECT_NE(cluster.leader(), kThree);
  cluster.Advance(Ms(610));
  cluster.Step(kThree, Campaign{});
  cluster.Stabilize();
  EXPECT_EQ(cluster.leader(), kThree);
}

// The promise costs a cold start nothing when the nodes start together, and at most one election timeout otherwise.
TEST(Stickiness, AColdStartOfThreeNodesIsNotSlower) {
  for (const std::int64_t stagger : {0, 300, 700, 2000}) {
    RaftCluster cluster = Led();
    for (const NodeId id : {kOne, kTwo, kThree}) cluster.Crash(id);
    for (const NodeId id : {kOne, kTwo, kThree}) {
      cluster.Restart(id);
      if (id != kThree) cluster.Advance(Ms(stagger));
    }
    std::int64_t waited = 0;
    for (; !cluster.leader() && waited < 10'000; waited += 10) {
      cluster.Advance(Ms(10));
      cluster.Stabilize();
    }
    EXPECT_LE(waited, stagger == 0 ? 1500 : 3000) << "last start " << stagger << " ms after the one before";
  }
}

}  // namespace
}  // namespace metasrv::test
