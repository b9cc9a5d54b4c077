#include "sim/invariants/promises.h"

#include <gtest/gtest.h>

#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

pb::PeerMessage VoteFor(std::uint64_t candidate, std::uint64_t term) {
  pb::PeerMessage message;
  message.set_to(candidate);
  message.mutable_vote_response()->set_term(term);
  message.mutable_vote_response()->set_granted(true);
  return message;
}

pb::PeerMessage AckOf(std::uint64_t term, std::uint64_t end) {
  pb::PeerMessage message;
  message.mutable_append_response()->set_term(term);
  message.mutable_append_response()->set_success(true);
  message.mutable_append_response()->set_end(end);
  return message;
}

class PromisesTest : public testing::Test {
 protected:
  void Send(const pb::PeerMessage& message, const DiskLedger& disk, const Log* leader_log = nullptr) {
    judge_.OnSend(NodeId(2), message, disk, leader_log);
  }
  Verdict verdict_;
  Promises judge_{verdict_};
};

TEST_F(PromisesTest, AcceptsAVoteThatIsDurable) {
  Send(VoteFor(3, 5), DiskOf({VoteOf(5, 3)}));
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(PromisesTest, NoticesAVoteThatACrashCouldTake) {
  DiskLedger disk = DiskOf({VoteOf(4, 1)});
  disk.Issue(VoteOf(5, 3));
  Send(VoteFor(3, 5), disk);
  EXPECT_EQ(Broken(verdict_), "votes are durable first");
}

TEST_F(PromisesTest, NoticesAVoteForSomebodyElseThanTheDiskSays) {
  Send(VoteFor(3, 5), DiskOf({VoteOf(5, 1)}));
  EXPECT_EQ(Broken(verdict_), "votes are durable first");
}

TEST_F(PromisesTest, AcceptsALateVoteOfAnEarlierTermAndOneOvertakenByTheLeader) {
  Send(VoteFor(3, 5), DiskOf({VoteOf(6, 1)}));
  Send(VoteFor(3, 5), DiskOf({VoteOf(5, 1, true)}));
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(PromisesTest, LetsPreVotesAndRefusalsGo) {
  pb::PeerMessage pre = VoteFor(3, 5);
  pre.mutable_vote_response()->set_pre_vote(true);
  Send(pre, DiskLedger());
  pb::PeerMessage refusal = VoteFor(3, 5);
  refusal.mutable_vote_response()->set_granted(false);
  Send(refusal, DiskLedger());
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(PromisesTest, NoticesALeaderWhoseOwnVoteCouldBeForgotten) {
  pb::PeerMessage append;
  append.mutable_append_request()->set_term(5);
  Send(append, DiskOf({VoteOf(5, 2)}));
  EXPECT_EQ(Broken(verdict_), "");
  Send(append, DiskOf({VoteOf(4, 2)}));
  EXPECT_EQ(Broken(verdict_), "leaders are durable first");
}

TEST_F(PromisesTest, AcceptsAnAckOfDurableEntriesOfTheLeader) {
  const Log leader = LogOf({1, 1, 2});
  Send(AckOf(2, 3), DiskOf({VoteOf(2, 1), AppendOf({1, 1, 2})}), &leader);
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(PromisesTest, NoticesAnAckOfEntriesThatACrashCouldTake) {
  DiskLedger disk = DiskOf({VoteOf(2, 1), AppendOf({1, 1})});
  disk.Issue(AppendOf({2}, 2));
  Send(AckOf(2, 2), disk);
  EXPECT_EQ(Broken(verdict_), "");
  Send(AckOf(2, 3), disk);
  EXPECT_EQ(Broken(verdict_), "acknowledgements are durable first");
}

TEST_F(PromisesTest, NoticesAnAckOfEntriesThatItsLeaderDoesNotHave) {
  const Log leader = LogOf({1, 3});
  Send(AckOf(3, 2), DiskOf({VoteOf(3, 1), AppendOf({1, 2})}), &leader);
  EXPECT_EQ(Broken(verdict_), "acknowledgements are proven");
}

TEST_F(PromisesTest, LetsALateAckOfAnEarlierTermGo) {
  Send(AckOf(2, 9), DiskOf({VoteOf(3, 1), AppendOf({1})}));
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(PromisesTest, NoticesAnAcknowledgedEntryThatIsDroppedInTheSameTerm) {
  DiskLedger disk = DiskOf({VoteOf(2, 1), AppendOf({1, 2, 2})});
  Send(AckOf(2, 3), disk);
  io::LogBatch cut;
  cut.truncate_from = LogIndex(2);
  disk.Issue(cut);
  judge_.OnWrite(NodeId(2), disk.issued());
  EXPECT_EQ(Broken(verdict_), "acknowledgements are kept");
}

TEST_F(PromisesTest, LetsALaterLeaderReplaceAnAcknowledgedEntry) {
  DiskLedger disk = DiskOf({VoteOf(2, 1), AppendOf({1, 2, 2})});
  Send(AckOf(2, 3), disk);
  io::LogBatch cut = VoteOf(3, 3);
  cut.truncate_from = LogIndex(2);
  disk.Issue(cut);
  judge_.OnWrite(NodeId(2), disk.issued());
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(PromisesTest, NoticesASnapshotThatIsAcknowledgedTooEarly) {
  pb::PeerMessage message;
  pb::SnapshotAck& ack = *message.mutable_snapshot_ack();
  ack.set_installed(true);
  ack.mutable_last()->set_term(4);
  ack.mutable_last()->set_index(9);
  DiskLedger disk;
  disk.InstallState(Id(4, 9));
  Send(message, disk);
  EXPECT_EQ(Broken(verdict_), "");
  Send(message, DiskLedger());
  EXPECT_EQ(Broken(verdict_), "acknowledgements are durable first");
}

}  // namespace
}  // namespace metasrv::sim
