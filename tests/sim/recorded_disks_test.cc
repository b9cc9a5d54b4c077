#include "sim/invariants/recorded_disks.h"

#include <gtest/gtest.h>

#include "sim/invariants/match_truth.h"
#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

const Incarnation kFirst(2), kSecond(101), kThird(103), kEmptied(105);

class RecordedDisksTest : public testing::Test {
 protected:
  RecordedDisksTest()
      : judge_(verdict_), log_(LogOf({1})), trio_(UniformMembership({NodeId(1), NodeId(2), NodeId(3)})) {
    trio_.identity.disks = {{NodeId(1), kFirst}, {NodeId(2), kSecond}, {NodeId(3), kThird}};
  }

  void Vote(std::uint64_t from, Incarnation disk, std::uint64_t to, std::uint64_t term, bool pre_vote = false) {
    pb::PeerMessage message;
    message.set_from(from);
    message.set_to(to);
    message.set_incarnation(disk.value());
    message.mutable_vote_response()->set_term(term);
    message.mutable_vote_response()->set_granted(true);
    message.mutable_vote_response()->set_pre_vote(pre_vote);
    judge_.OnVote(message);
  }
  std::string Elect(std::uint64_t id, std::uint64_t term, const Membership& membership) {
    NodeView view = ViewOf(id, RoleName::kLeader, term, 0, log_);
    view.membership = &membership;
    judge_.OnElected(view);
    return Broken(verdict_);
  }

  Verdict verdict_;
  RecordedDisks judge_;
  Log log_;
  Membership trio_;
};

TEST_F(RecordedDisksTest, VotesOfRecordedDisksElect) {
  Vote(2, kSecond, 1, 5);
  EXPECT_EQ(Elect(1, 5, trio_), "");
}

TEST_F(RecordedDisksTest, AVoteOfAnEmptiedDiskDoesNot) {
  Vote(2, kEmptied, 1, 5);
  EXPECT_EQ(Elect(1, 5, trio_), kRecordedDisks.name);
}

TEST_F(RecordedDisksTest, AVoteOfAnotherTermOrForSomebodyElseOrAPreVoteDoesNot) {
  Vote(2, kSecond, 1, 4);
  Vote(2, kSecond, 3, 5);
  Vote(2, kSecond, 1, 5, true);
  EXPECT_EQ(Elect(1, 5, trio_), kRecordedDisks.name);
}

TEST_F(RecordedDisksTest, WhereNothingIsRecordedADiskThatStartedEmptyDoesNotCount) {
  trio_.identity.disks.clear();
  Vote(2, Incarnation(200), 1, 5);
  EXPECT_EQ(Elect(1, 5, trio_), "");
  Vote(3, kEmptied, 1, 6);
  EXPECT_EQ(Elect(1, 6, trio_), kRecordedDisks.name);
}

TEST_F(RecordedDisksTest, BothHalvesOfAJointMembershipNeedTheirOwn) {
  trio_.configs.push_back({NodeId(1), NodeId(3)});
  Vote(2, kSecond, 1, 5);
  EXPECT_EQ(Elect(1, 5, trio_), kRecordedDisks.name);
}

TEST_F(RecordedDisksTest, OneOfAPairMayBeElectedByAnyDisk) {
  Membership pair = UniformMembership({NodeId(1), NodeId(2)});
  pair.identity.disks = {{NodeId(1), kFirst}, {NodeId(2), kSecond}};
  Vote(2, kEmptied, 1, 5);
  EXPECT_EQ(Elect(1, 5, pair), "");
}

TEST(MatchTruthOfDisks, AnotherDiskIsAnotherBeliefAndTheSameMayNotShrink) {
  const Log log = LogOf({1, 1, 2});
  const DiskLedger old_disk = DiskOf({AppendOf({1, 1, 2})});
  const DiskLedger new_disk = DiskOf({AppendOf({1})});
  Verdict verdict;
  MatchTruth judge(verdict);
  const NodeView leader = ViewOf(1, RoleName::kLeader, 2, 0, log);
  judge.OnBelief(leader, NodeId(2), LogIndex(3), old_disk, kSecond);
  judge.OnBelief(leader, NodeId(2), LogIndex(1), new_disk, kEmptied);
  EXPECT_EQ(Broken(verdict), "");
  judge.OnBelief(leader, NodeId(2), LogIndex(0), new_disk, kEmptied);
  EXPECT_EQ(Broken(verdict), kMatchMonotonic.name);
}

}  // namespace
}  // namespace metasrv::sim
