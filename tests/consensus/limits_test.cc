// What a leader takes on, and what a node without room does.
#include <gtest/gtest.h>

#include "tests/support/raft_cluster.h"

namespace metasrv::test {
namespace {

const NodeId kOne(1), kTwo(2), kThree(3);

RaftCluster Led(RaftOptions options = {}) {
  RaftCluster cluster(options);
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  static_cast<void>(cluster.TakeAnswers());
  return cluster;
}

Propose One(std::uint64_t id, std::size_t bytes, bool exempt = false) {
  return Propose{{{RequestId(id), std::string(bytes, 'x'), exempt}}};
}

TEST(Admission, ALeaderTakesNoMoreThanItsLimitOfUncommittedBytesButWhatIsExempt) {
  RaftOptions options;
  options.uncommitted_bytes_max = 300;
  RaftCluster cluster = Led(options);
  cluster.Isolate(kTwo);
  cluster.Isolate(kThree);
  cluster.Step(kOne, One(1, 200));
  cluster.Step(kOne, One(2, 200));
  cluster.Step(kOne, One(3, 200, true));
  EXPECT_EQ(cluster.TakeAnswers(),
            (std::vector<std::string>{"1: proposal 1 is entry 1/2", "1: proposal 2 over the limit",
                                      "1: proposal 3 is entry 1/3"}));
  cluster.Heal();
  cluster.Advance(Duration::Millis(600));
  cluster.Stabilize();
  cluster.Step(kOne, One(4, 200));
  EXPECT_EQ(cluster.TakeAnswers(), (std::vector<std::string>{"1: proposal 4 is entry 1/4"}));
}

TEST(Admission, AProposalLargerThanTheLimitIsTakenWhenNothingElseWaits) {
  RaftOptions options;
  options.uncommitted_bytes_max = 10;
  RaftCluster cluster = Led(options);
  cluster.Step(kOne, One(1, 5000));
  cluster.Step(kOne, One(2, 1));
  EXPECT_EQ(cluster.TakeAnswers(),
            (std::vector<std::string>{"1: proposal 1 is entry 1/2", "1: proposal 2 over the limit"}));
}

TEST(Window, OneHugeEntryGoesAloneAndWedgesNothing) {
  RaftOptions options;
  options.inflight_bytes_max = 100;
  options.append_bytes_max = 50;
  RaftCluster cluster = Led(options);
  for (std::uint64_t i = 1; i <= 5; ++i) cluster.Step(kOne, One(i, i == 2 ? 100'000 : 10));
  const auto sent = cluster.Deliver([](NodeId from, NodeId to) { return from == kOne && to == kTwo; });
  EXPECT_EQ(sent.size(), 2) << "the append that reaches the limit is the last one";
  cluster.Stabilize();
  EXPECT_EQ(cluster.applied(kTwo).size(), 5);
  EXPECT_EQ(cluster.applied(kThree).size(), 5);
}

TEST(FullDisk, ALeaderWithoutRoomMakesWayAndAnotherOneServes) {
  RaftCluster cluster = Led();
  cluster.Step(kOne, DiskSpace{SpaceLevel::kLow});
  EXPECT_EQ(cluster.leader(), kOne) << "low is the business of the node";
  cluster.Step(kOne, DiskSpace{SpaceLevel::kCritical});
  EXPECT_NE(cluster.leader(), kOne);
  cluster.Step(kOne, Campaign{});
  EXPECT_NE(cluster.leader(), kOne);
  for (int i = 0; i < 20 && !cluster.leader(); ++i) {
    cluster.Advance(Duration::Millis(200));
    cluster.Stabilize();
  }
  ASSERT_TRUE(cluster.leader().has_value());
  EXPECT_NE(*cluster.leader(), kOne);
  cluster.Step(*cluster.leader(), One(1, 10));
  cluster.Stabilize();
  EXPECT_EQ(cluster.applied(*cluster.leader()).size(), 1);
}

TEST(FullDisk, AFollowerWithoutRoomStoresNothingStaysInTouchAndCatchesUpLater) {
  RaftCluster cluster = Led();
  cluster.Step(kThree, DiskSpace{SpaceLevel::kCritical});
  const std::size_t before = cluster.disk(kThree).log.size();
  for (std::uint64_t i = 1; i <= 10; ++i) {
    cluster.Step(kOne, One(i, 10));
    cluster.Stabilize();
    cluster.Advance(Duration::Millis(300));
    cluster.Stabilize();
  }
  EXPECT_EQ(cluster.leader(), kOne);
  EXPECT_EQ(cluster.disk(kThree).log.size(), before);
  EXPECT_EQ(cluster.raft(kThree).status().leader, kOne);
  EXPECT_EQ(cluster.applied(kTwo).size(), 10);
  cluster.Step(kThree, DiskSpace{SpaceLevel::kEnough});
  cluster.Advance(Duration::Millis(600));
  cluster.Stabilize();
  EXPECT_EQ(cluster.applied(kThree).size(), 10);
}

TEST(FullDisk, AFollowerWithoutRoomStillCountsForWhatItHolds) {
  RaftCluster cluster = Led();
  cluster.Isolate(kTwo);
  cluster.Step(kOne, One(1, 10));
  cluster.Step(kThree, DiskSpace{SpaceLevel::kCritical});
  cluster.Stabilize();
  EXPECT_TRUE(cluster.applied(kOne).empty()) << "nobody but the leader stores the entry";
  EXPECT_EQ(cluster.raft(kOne).status().role, RoleName::kLeader);
  cluster.Step(kThree, DiskSpace{SpaceLevel::kEnough});
  cluster.Advance(Duration::Millis(600));
  cluster.Stabilize();
  EXPECT_EQ(cluster.applied(kOne).size(), 1);
}

TEST(FullDisk, ASingleVoterLeadsAgainAtOnceWhenThereIsRoom) {
  RaftCluster cluster;
  cluster.Create({kOne});
  cluster.Advance(Duration::Millis(10));
  ASSERT_EQ(cluster.leader(), kOne);
  cluster.Step(kOne, DiskSpace{SpaceLevel::kCritical});
  cluster.Advance(Duration::Seconds(10));
  EXPECT_EQ(cluster.leader(), std::nullopt);
  cluster.Step(kOne, DiskSpace{SpaceLevel::kLow});
  cluster.Advance(Duration::Millis(10));
  EXPECT_EQ(cluster.leader(), kOne);
}

}  // namespace
}  // namespace metasrv::test
