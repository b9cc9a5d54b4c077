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

// Two snapshots arrive close together: the second must not take the place of the one that is being installed.
TEST(Snapshot, ThatArrivesWhileAnotherIsInstalledChangesNothing) {
  RaftCluster cluster = LedWith(2);
  SnapshotMeta first = MetaAt(cluster, kOne);
  first.last->index = LogIndex(50);
  SnapshotMeta second = first;
  second.last->index = LogIndex(60);
  Raft raft = cluster.raft(kTwo);
  const Instant now = Instant::FromMicros(0);
  EXPECT_TRUE(raft.Step(now, SnapshotReceived{.from = kOne, .term = Term(1), .meta = first}).install_snapshot);
  EXPECT_FALSE(raft.Step(now, SnapshotReceived{.from = kOne, .term = Term(1), .meta = second}).install_snapshot);
  const Output appended = raft.Step(
      now,
      Received{kOne, AppendRequest{.term = Term(1), .prev = first.last, .entries = {}, .commit_end = LogIndex(51)}});
  EXPECT_TRUE(appended.committed.empty());
  static_cast<void>(raft.Step(now, SnapshotInstalled{first}));
  EXPECT_EQ(raft.status().commit_end, LogIndex(51));
  EXPECT_TRUE(raft.Step(now, SnapshotReceived{.from = kOne, .term = Term(1), .meta = second}).install_snapshot);
}

TEST(Quarantine, AFollowerStoresButAppliesNothingUntilAStateReplacesItsOwn) {
  RaftCluster cluster = LedWith(2);
  Raft raft = cluster.raft(kTwo);
  const Instant now = Instant::FromMicros(0);
  static_cast<void>(raft.Step(now, Quarantine{}));
  const LogId last = *raft.status().last;
  ASSERT_EQ(raft.status().commit_end, last.index.Next());
  const LogId next{Term(1), kOne, last.index.Next()};
  AppendRequest append{.term = Term(1), .prev = last, .entries = {Entry::Blank(next)}, .commit_end = next.index.Next()};
  const Output stored = raft.Step(now, Received{kOne, append});
  ASSERT_TRUE(stored.persist);
  EXPECT_TRUE(raft.Step(now, Persisted{stored.persist->seq}).committed.empty());
  EXPECT_EQ(raft.status().commit_end, next.index.Next());

  SnapshotMeta state = MetaAt(cluster, kOne);
  state.last->index = last.index.Prev();
  EXPECT_FALSE(raft.Step(now, SnapshotReceived{.from = kOne, .term = Term(1), .meta = state}).install_snapshot)
      << "what was applied is never undone";
  state.last = last;
  EXPECT_TRUE(raft.Step(now, SnapshotReceived{.from = kOne, .term = Term(1), .meta = state}).install_snapshot);
  const Output installed = raft.Step(now, SnapshotInstalled{state});
  ASSERT_EQ(installed.committed.size(), 1U);
  EXPECT_EQ(installed.committed[0].id, next);
}

TEST(Quarantine, ALeaderStepsDownAndNeverCampaigns) {
  RaftCluster cluster = LedWith(2);
  Raft raft = cluster.raft(kOne);
  static_cast<void>(raft.Step(Instant::FromMicros(0), Quarantine{}));
  EXPECT_EQ(raft.status().role, RoleName::kFollower);
  for (int second = 1; second < 20; ++second) {
    EXPECT_TRUE(raft.Step(Instant::FromMicros(1'000'000 * second), Tick{}).messages.empty());
  }
  EXPECT_TRUE(raft.Step(Instant::FromMicros(20'000'000), Campaign{}).messages.empty());
}

TEST(SnapshotWanted, MakesALeaderSendTheStateToAPeerWhoseLogIsFine) {
  RaftCluster cluster = LedWith(2);
  Raft raft = cluster.raft(kOne);
  const Instant now = Instant::FromMicros(0);
  EXPECT_EQ(raft.Step(now, SnapshotWanted{kTwo}).send_snapshots.size(), 1U);
  EXPECT_TRUE(raft.Step(now, SnapshotWanted{kTwo}).send_snapshots.empty()) << "it is under way";
  Raft follower = cluster.raft(kTwo);
  EXPECT_TRUE(follower.Step(now, SnapshotWanted{kThree}).send_snapshots.empty());
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

// A follower, voter 2 of 3, whose log is the founding membership and `terms`, one entry each, all durable.
class SnapshotAtAFollower : public testing::Test {
 protected:
  static Raft Follower(const std::vector<std::uint64_t>& terms) {
    RaftOptions options;
    options.id = kTwo;
    Recovered recovered;
    recovered.hard_state.term = Term(terms.empty() ? 0 : terms.back());
    const Entry first = Entry::OfMembership({Term(0), kOne, LogIndex(0)}, UniformMembership({kOne, kTwo, kThree}));
    recovered.log.Append(first);
    recovered.memberships.push_back(first);
    for (std::uint64_t term : terms) recovered.log.Append(Entry::Blank({Term(term), kOne, recovered.log.end()}));
    return {options, std::move(recovered), Instant(), Prng(1)};
  }

  static SnapshotReceived Of(std::uint64_t term, std::uint64_t index) {
    return {.from = kOne,
            .term = Term(9),
            .meta = {.last = LogId{Term(term), kOne, LogIndex(index)},
                     .membership_id = LogId{Term(0), kOne, LogIndex(0)},
                     .membership = UniformMembership({kOne, kTwo, kThree})}};
  }
};

TEST_F(SnapshotAtAFollower, ASecondOneDuringAnInstallationIsLeftAlone) {
  Raft raft = Follower({1});
  const SnapshotReceived first = Of(3, 10);
  const Output out = raft.Step(Instant(), first);
  ASSERT_TRUE(out.install_snapshot.has_value());
  EXPECT_FALSE(raft.Step(Instant(), Of(3, 20)).install_snapshot.has_value());
  (void)raft.Step(Instant(), SnapshotInstalled{first.meta});
  EXPECT_EQ(raft.status().commit_end, LogIndex(11));
}

TEST_F(SnapshotAtAFollower, NothingIsAcceptedOrCommittedWhileItIsInstalled) {
  Raft raft = Follower({1});
  const SnapshotReceived received = Of(3, 10);
  (void)raft.Step(Instant(), received);
  const AppendRequest late{.term = Term(9),
                           .prev = LogId{Term(1), kOne, LogIndex(1)},
                           .entries = {Entry::Blank({Term(2), kOne, LogIndex(2)})},
                           .commit_end = LogIndex(3),
                           .round = 1};
  const Output out = raft.Step(Instant(), Received{kOne, late});
  EXPECT_TRUE(out.committed.empty());
  EXPECT_EQ(raft.status().last->index, LogIndex(1));
  (void)raft.Step(Instant(), SnapshotInstalled{received.meta});
  EXPECT_EQ(raft.status().last, received.meta.last);
}

TEST_F(SnapshotAtAFollower, ALogThatConflictsWithItGoesAsAWhole) {
  Raft raft = Follower({1, 1, 2, 2, 2});
  const SnapshotReceived received = Of(3, 3);
  (void)raft.Step(Instant(), received);
  const Output out = raft.Step(Instant(), SnapshotInstalled{received.meta});
  ASSERT_TRUE(out.persist.has_value());
  EXPECT_EQ(out.persist->reset_to, received.meta.last);
  EXPECT_EQ(raft.status().last, received.meta.last);
}

TEST_F(SnapshotAtAFollower, EntriesBehindAMatchingOneMayHaveBeenPromisedAndStay) {
  Raft raft = Follower({1, 1, 3, 3, 3});
  const SnapshotReceived received = Of(3, 3);
  (void)raft.Step(Instant(), received);
  const Output out = raft.Step(Instant(), SnapshotInstalled{received.meta});
  ASSERT_TRUE(out.persist.has_value());
  EXPECT_EQ(out.persist->purge_to, received.meta.last);
  EXPECT_EQ(raft.status().last->index, LogIndex(5));
  EXPECT_EQ(raft.status().durable_end, LogIndex(6));
}

}  // namespace
}  // namespace metasrv::test
