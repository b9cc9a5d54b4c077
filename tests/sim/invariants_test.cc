// Every judge against hand-made good and bad histories: a judge that never speaks looks like a correct system, and one
// that speaks without reason is worse.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "sim/invariants/commit_history.h"
#include "sim/invariants/commit_rule.h"
#include "sim/invariants/committed_immutable.h"
#include "sim/invariants/election_safety.h"
#include "sim/invariants/leader_completeness.h"
#include "sim/invariants/log_matching.h"
#include "sim/invariants/match_truth.h"
#include "sim/invariants/monotonic.h"
#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

TEST(ElectionSafety, AcceptsOneLeaderPerTermAndNoSecond) {
  Verdict verdict;
  ElectionSafety judge(verdict);
  judge.OnActsAsLeader(NodeId(1), Term(1));
  judge.OnActsAsLeader(NodeId(1), Term(1));
  judge.OnActsAsLeader(NodeId(2), Term(2));
  EXPECT_EQ(Broken(verdict), "");
  judge.OnActsAsLeader(NodeId(2), Term(1));
  EXPECT_EQ(Broken(verdict), "election safety");
}

TEST(LogMatching, WantsTheSameEntryAfterTheSamePredecessor) {
  Verdict verdict;
  LogMatching judge(verdict);
  judge.OnStored(NodeId(1), std::nullopt, Entry::Blank(Id(1, 0)));
  judge.OnStored(NodeId(1), Term(1), Entry::Normal(Id(1, 1), "a"));
  judge.OnStored(NodeId(2), Term(1), Entry::Normal(Id(1, 1), "a"));
  judge.OnStored(NodeId(2), Term(1), Entry::Normal(Id(2, 1), "b"));  // another term may write the index
  EXPECT_EQ(Broken(verdict), "");
}

TEST(LogMatching, NoticesOtherContent) {
  Verdict verdict;
  LogMatching judge(verdict);
  judge.OnStored(NodeId(1), Term(1), Entry::Normal(Id(1, 1), "a"));
  judge.OnStored(NodeId(2), Term(1), Entry::Normal(Id(1, 1), "b"));
  EXPECT_EQ(Broken(verdict), "log matching");
}

TEST(LogMatching, NoticesAnotherPrefix) {
  Verdict verdict;
  LogMatching judge(verdict);
  judge.OnStored(NodeId(1), Term(1), Entry::Blank(Id(3, 5)));
  judge.OnStored(NodeId(2), Term(2), Entry::Blank(Id(3, 5)));
  EXPECT_EQ(Broken(verdict), "log matching");
}

TEST(CommitHistory, TellsWhatEarlierTermsCommitted) {
  CommitHistory committed;
  const Log log = LogOf({1, 1, 2, 3});
  committed.Extend(LogIndex(2), Term(1), log);
  committed.Extend(LogIndex(4), Term(3), log);
  EXPECT_EQ(committed.EndBefore(Term(1)), LogIndex(0));
  EXPECT_EQ(committed.EndBefore(Term(2)), LogIndex(2));
  EXPECT_EQ(committed.EndBefore(Term(4)), LogIndex(4));
  EXPECT_EQ(committed.TermAt(LogIndex(2)), Term(2));
}

TEST(LeaderCompleteness, NoticesALeaderWithoutACommittedEntry) {
  CommitHistory committed;
  committed.Extend(LogIndex(2), Term(1), LogOf({1, 1}));
  const Log whole = LogOf({1, 1});
  const Log lacking = LogOf({1});
  Verdict verdict;
  LeaderCompleteness judge(verdict);
  judge.OnElected(ViewOf(2, RoleName::kLeader, 2, 0, whole), committed);
  EXPECT_EQ(Broken(verdict), "");
  judge.OnElected(ViewOf(3, RoleName::kLeader, 2, 0, lacking), committed);
  EXPECT_EQ(Broken(verdict), "leader completeness");
}

TEST(LeaderCompleteness, ForgivesALateWinnerWhatALaterTermCommitted) {
  CommitHistory committed;
  committed.Extend(LogIndex(1), Term(1), LogOf({1}));
  committed.Extend(LogIndex(2), Term(3), LogOf({1, 3}));
  const Log log = LogOf({1});
  Verdict verdict;
  LeaderCompleteness judge(verdict);
  judge.OnElected(ViewOf(2, RoleName::kLeader, 2, 0, log), committed);
  EXPECT_EQ(Broken(verdict), "");
}

TEST(LeaderCompleteness, AsksTheLeadersOfLaterTermsWhenAnOldOneCommits) {
  CommitHistory committed;
  committed.Extend(LogIndex(2), Term(1), LogOf({1, 1}));
  const Log log = LogOf({1, 2});
  const std::array running = {ViewOf(2, RoleName::kLeader, 2, 0, log)};
  Verdict verdict;
  LeaderCompleteness(verdict).OnCommitted(Term(1), committed, running);
  EXPECT_EQ(Broken(verdict), "leader completeness");
}

class CommitRuleTest : public testing::Test {
 protected:
  CommitRule Judge() {
    return CommitRule(verdict_, [this](NodeId id, Incarnation) { return disks_.contains(id) ? &disks_[id] : nullptr; });
  }
  std::map<NodeId, DiskLedger> disks_;
  Verdict verdict_;
  const std::array<Membership, 1> three_ = {UniformMembership({NodeId(1), NodeId(2), NodeId(3)})};
};

TEST_F(CommitRuleTest, AcceptsAnEntryOnAMajorityOfDisks) {
  disks_[NodeId(2)] = DiskOf({AppendOf({1, 2})});
  disks_[NodeId(3)] = DiskOf({AppendOf({1, 2})});
  const Log log = LogOf({1, 2});  // the leader's own disk does not have it yet
  Judge().OnRaised(ViewOf(1, RoleName::kLeader, 2, 2, log), true, three_);
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(CommitRuleTest, NoticesAnEntryOnTooFewDisks) {
  disks_[NodeId(2)] = DiskOf({AppendOf({1, 2})});
  disks_[NodeId(3)].Issue(AppendOf({1, 2}));
  const Log log = LogOf({1, 2});
  Judge().OnRaised(ViewOf(1, RoleName::kLeader, 2, 2, log), true, three_);
  EXPECT_EQ(Broken(verdict_), "committed on a quorum");
}

TEST_F(CommitRuleTest, WantsAMajorityOfBothVoterSetsOfAJointMembership) {
  for (std::uint64_t id : {1, 2}) disks_[NodeId(id)] = DiskOf({AppendOf({1})});
  const Log log = LogOf({1});
  std::array joint = {three_[0]};
  joint[0].configs.push_back({NodeId(3), NodeId(4), NodeId(5)});
  Judge().OnRaised(ViewOf(1, RoleName::kLeader, 1, 1, log), true, joint);
  EXPECT_EQ(Broken(verdict_), "committed on a quorum");
}

TEST_F(CommitRuleTest, NoticesAnEntryOfAnOlderTermCommittedByCounting) {
  for (std::uint64_t id : {1, 2, 3}) disks_[NodeId(id)] = DiskOf({AppendOf({1, 2})});
  const Log log = LogOf({1, 2});
  Judge().OnRaised(ViewOf(1, RoleName::kLeader, 4, 2, log), true, three_);
  EXPECT_EQ(Broken(verdict_), "commit own term");
}

TEST_F(CommitRuleTest, NoticesAFollowerThatCommitsByItself) {
  const Log log = LogOf({1, 1});
  Judge().OnRaised(ViewOf(2, RoleName::kFollower, 1, 2, log), false, three_);
  EXPECT_EQ(Broken(verdict_), "commit own term");
}

TEST_F(CommitRuleTest, NoticesABeliefInAnotherEntry) {
  const Log same = LogOf({1, 2});
  const Log other = LogOf({1, 1});
  Judge().OnBelieved(ViewOf(2, RoleName::kFollower, 2, 2, same), Term(2));
  EXPECT_EQ(Broken(verdict_), "");
  Judge().OnBelieved(ViewOf(3, RoleName::kFollower, 2, 2, other), Term(2));
  EXPECT_EQ(Broken(verdict_), "commit agreement");
}

TEST(CommittedImmutable, LetsUncommittedEntriesGo) {
  CommitHistory committed;
  committed.Extend(LogIndex(2), Term(2), LogOf({1, 2}));
  DiskLedger disk = DiskOf({AppendOf({1, 1, 1})});  // index 1 is of term 1: never committed
  const LogOutline before = disk.issued();
  io::LogBatch cut = AppendOf({2}, 1);
  cut.truncate_from = LogIndex(1);
  disk.Issue(cut);
  Verdict verdict;
  CommittedImmutable(verdict).OnWrite(NodeId(2), before, disk.issued(), committed);
  EXPECT_EQ(Broken(verdict), "");
}

TEST(CommittedImmutable, NoticesACommittedEntryThatGoes) {
  CommitHistory committed;
  committed.Extend(LogIndex(2), Term(1), LogOf({1, 1}));
  DiskLedger disk = DiskOf({AppendOf({1, 1, 1})});
  const LogOutline before = disk.issued();
  io::LogBatch cut;
  cut.truncate_from = LogIndex(1);
  disk.Issue(cut);
  Verdict verdict;
  CommittedImmutable(verdict).OnWrite(NodeId(2), before, disk.issued(), committed);
  EXPECT_EQ(Broken(verdict), "committed entries stay");
}

TEST(Monotonic, NoticesWhatFallsWithinALifeButNotAcrossACrash) {
  const Log log = LogOf({1, 1, 1});
  Verdict verdict;
  Monotonic judge(verdict);
  judge.OnView(ViewOf(1, RoleName::kFollower, 3, 3, log));
  NodeView reborn = ViewOf(1, RoleName::kFollower, 2, 1, log);
  reborn.incarnation = 2;
  judge.OnView(reborn);
  EXPECT_EQ(Broken(verdict), "");
  reborn.commit_end = LogIndex(0);
  judge.OnView(reborn);
  EXPECT_EQ(Broken(verdict), "monotonic state");
}

TEST(Monotonic, NoticesAnAppliedPointBeyondTheCommitPoint) {
  const Log log = LogOf({1});
  Verdict verdict;
  NodeView view = ViewOf(1, RoleName::kFollower, 1, 0, log);
  view.applied_end = LogIndex(1);
  Monotonic(verdict).OnView(view);
  EXPECT_EQ(Broken(verdict), "monotonic state");
}

TEST(MatchTruth, AcceptsWhatIsOnTheMembersDisk) {
  const Log log = LogOf({1, 1, 2});
  const DiskLedger disk = DiskOf({AppendOf({1, 1, 2})});
  Verdict verdict;
  MatchTruth judge(verdict);
  judge.OnBelief(ViewOf(1, RoleName::kLeader, 2, 0, log), NodeId(2), LogIndex(2), disk);
  judge.OnBelief(ViewOf(1, RoleName::kLeader, 2, 0, log), NodeId(2), LogIndex(3), disk);
  EXPECT_EQ(Broken(verdict), "");
}

TEST(MatchTruth, NoticesWhatTheMemberDoesNotHave) {
  const Log log = LogOf({1, 1, 2});
  Verdict verdict;
  MatchTruth(verdict).OnBelief(ViewOf(1, RoleName::kLeader, 2, 0, log), NodeId(2), LogIndex(3),
                               DiskOf({AppendOf({1, 1, 1})}));
  EXPECT_EQ(Broken(verdict), "matched means stored");
}

TEST(MatchTruth, ForgivesALeaderWhoseMemberHasMovedOn) {
  const Log log = LogOf({1, 1, 2});
  Verdict verdict;
  MatchTruth(verdict).OnBelief(ViewOf(1, RoleName::kLeader, 2, 0, log), NodeId(2), LogIndex(3),
                               DiskOf({VoteOf(3, 3), AppendOf({1, 1})}));
  EXPECT_EQ(Broken(verdict), "");
}

TEST(MatchTruth, NoticesAMatchThatShrinksWithinALeadership) {
  const Log log = LogOf({1, 1, 2});
  const DiskLedger disk = DiskOf({AppendOf({1, 1, 2})});
  Verdict verdict;
  MatchTruth judge(verdict);
  judge.OnBelief(ViewOf(1, RoleName::kLeader, 2, 0, log), NodeId(2), LogIndex(3), disk);
  judge.OnBelief(ViewOf(1, RoleName::kLeader, 3, 0, log), NodeId(2), LogIndex(0), disk);
  EXPECT_EQ(Broken(verdict), "");
  judge.OnBelief(ViewOf(1, RoleName::kLeader, 3, 0, log), NodeId(2), LogIndex(2), disk);
  judge.OnBelief(ViewOf(1, RoleName::kLeader, 3, 0, log), NodeId(2), LogIndex(1), disk);
  EXPECT_EQ(Broken(verdict), "matched stays matched");
}

struct VoteRow {
  const char* name;
  HardState before;
  HardState after;
  bool fine;
};

class VoteOnce : public testing::TestWithParam<VoteRow> {};

TEST_P(VoteOnce, IsJudgedFromOneHardStateToTheNext) {
  Verdict verdict;
  Monotonic judge(verdict);
  judge.OnRecovered(NodeId(1), GetParam().before);
  judge.OnHardState(NodeId(1), GetParam().after);
  EXPECT_EQ(Broken(verdict), GetParam().fine ? "" : "one vote per term");
}

INSTANTIATE_TEST_SUITE_P(
    Monotonic, VoteOnce,
    testing::Values(VoteRow{"FirstVote", {Term(2), {}, false}, {Term(2), NodeId(3), false}, true},
                    VoteRow{"SecondVote", {Term(2), NodeId(2), false}, {Term(2), NodeId(3), false}, false},
                    VoteRow{"VoteTakenBack", {Term(2), NodeId(2), false}, {Term(2), {}, false}, false},
                    VoteRow{"LeaderEstablished", {Term(2), NodeId(2), false}, {Term(2), NodeId(3), true}, true},
                    VoteRow{"OtherLeaderLater", {Term(2), NodeId(2), true}, {Term(2), NodeId(3), true}, false},
                    VoteRow{"LeaderForgotten", {Term(2), NodeId(2), true}, {Term(2), NodeId(2), false}, false},
                    VoteRow{"NewTerm", {Term(2), NodeId(2), true}, {Term(3), {}, false}, true},
                    VoteRow{"TermFalls", {Term(2), NodeId(2), false}, {Term(1), NodeId(2), false}, false}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace metasrv::sim
