#include <gtest/gtest.h>

#include "consensus/read_queue.h"
#include "tests/support/raft_cluster.h"

namespace metasrv::test {
namespace {

const NodeId kOne(1), kTwo(2), kThree(3);
using Answers = std::vector<std::string>;

ReadQueue::Item Item(std::uint64_t id, std::uint64_t end) {
  return {.id = RequestId(id), .from = std::nullopt, .end = LogIndex(end)};
}

TEST(ReadQueue, RoundConfirmsOnlyReadsThatArrivedBeforeItWasSent) {
  ReadQueue queue;
  queue.Add(Item(1, 5));
  EXPECT_TRUE(queue.NeedsRound());
  queue.Send(1);
  queue.Add(Item(2, 6));
  EXPECT_FALSE(queue.NeedsRound());
  const auto confirmed = queue.Confirm(1);
  ASSERT_EQ(confirmed.size(), 1U);
  EXPECT_EQ(confirmed[0].id, RequestId(1));
  EXPECT_TRUE(queue.NeedsRound());
}

TEST(ReadQueue, LaterRoundConfirmsEarlierReadsToo) {
  ReadQueue queue;
  queue.Add(Item(1, 5));
  queue.Send(1);
  queue.Add(Item(2, 6));
  queue.Send(2);
  EXPECT_EQ(queue.Confirm(2).size(), 2U);
}

TEST(ReadQueue, EarlyReadsAreRaisedToTheCommitPointOfTheTerm) {
  ReadQueue queue;
  queue.AddEarly(Item(1, 3));
  EXPECT_FALSE(queue.NeedsRound());
  queue.AdmitEarly(LogIndex(8));
  queue.Send(1);
  EXPECT_EQ(queue.Confirm(1)[0].end, LogIndex(8));
}

TEST(ReadQueue, DrainGivesUpEveryReadOnce) {
  ReadQueue queue;
  queue.AddEarly(Item(1, 0));
  queue.Add(Item(2, 0));
  queue.Send(1);
  queue.Add(Item(3, 0));
  EXPECT_EQ(queue.Drain().size(), 3U);
  EXPECT_EQ(queue.size(), 0U);
}

RaftCluster Led() {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kOne, Campaign{});
  cluster.Stabilize();
  return cluster;
}

TEST(Reads, LeaderThatWasDeposedUnawaresServesNothing) {
  RaftCluster cluster = Led();
  cluster.Isolate(kOne);
  cluster.Advance(Duration::Millis(1600));
  cluster.Stabilize();
  cluster.Advance(Duration::Millis(300));
  cluster.Stabilize();
  cluster.Step(kOne, Read{RequestId(1)});
  cluster.Stabilize();
  for (const std::string& answer : cluster.TakeAnswers()) EXPECT_EQ(answer, "1: read 1 failed");
}

TEST(Reads, StaleConfirmationsDoNotConfirmNewReads) {
  RaftCluster cluster = Led();
  cluster.Step(kOne, Read{RequestId(1)});
  cluster.Deliver([](NodeId from, NodeId) { return from == kOne; });  // answers to round 1 are on their way
  cluster.Step(kOne, Read{RequestId(2)});
  cluster.Deliver([](NodeId, NodeId to) { return to == kOne; });
  EXPECT_EQ(cluster.TakeAnswers(), (Answers{"1: read 1 after 2 entries"}));
  cluster.Stabilize();
  EXPECT_EQ(cluster.TakeAnswers(), (Answers{"1: read 2 after 2 entries"}));
}

TEST(Reads, FollowerWithoutALeaderFailsAtOnce) {
  RaftCluster cluster;
  cluster.Create({kOne, kTwo, kThree});
  cluster.Step(kTwo, Read{RequestId(4)});
  EXPECT_EQ(cluster.TakeAnswers(), (Answers{"2: read 4 failed"}));
}

TEST(Reads, FollowersReadFailsWhenTheLeaderDoesNotAnswer) {
  RaftCluster cluster = Led();
  cluster.Step(kTwo, Read{RequestId(4)});
  cluster.Drop([](NodeId from, NodeId) { return from == kTwo; });
  cluster.Advance(Duration::Millis(1000));
  EXPECT_EQ(cluster.TakeAnswers(), (Answers{"2: read 4 failed"}));
}

TEST(Reads, LostRoundIsRepeatedByTheNextHeartbeat) {
  RaftCluster cluster = Led();
  cluster.Step(kOne, Read{RequestId(1)});
  cluster.Drop([](NodeId, NodeId) { return true; });
  cluster.Advance(Duration::Millis(500));
  cluster.Stabilize();
  EXPECT_EQ(cluster.TakeAnswers(), (Answers{"1: read 1 after 2 entries"}));
}

}  // namespace
}  // namespace metasrv::test
