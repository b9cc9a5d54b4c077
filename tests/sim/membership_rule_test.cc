#include "sim/invariants/membership_rule.h"

#include <gtest/gtest.h>

#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

const NodeId kOne(1), kTwo(2), kThree(3), kFour(4);

Membership Joint(NodeSet from, NodeSet to, NodeSet nodes) {
  return {.configs = {std::move(from), std::move(to)}, .nodes = std::move(nodes)};
}

void Commit(MembershipRule& judge, const Entry& entry) {
  judge.OnStored(entry);
  judge.OnCommitted(entry.id);
}

TEST(MembershipRule, AcceptsAJoinAndALeaveStepByStep) {
  Verdict verdict;
  MembershipRule judge(verdict);
  std::uint64_t index = 0;
  for (const Membership& next :
       {UniformMembership({kOne}), UniformMembership({kOne}), UniformMembership({kOne}, {kTwo}),
        Joint({kOne}, {kOne, kTwo}, {kOne, kTwo}), UniformMembership({kOne, kTwo}),
        UniformMembership({kOne, kTwo}, {kThree}), UniformMembership({kOne, kTwo}),
        Joint({kOne, kTwo}, {kTwo}, {kOne, kTwo}), UniformMembership({kTwo})}) {
    Commit(judge, Entry::OfMembership(Id(1, index++), next));
  }
  EXPECT_EQ(Broken(verdict), "");
}

TEST(MembershipRule, NoticesEveryShortcut) {
  const Membership two = UniformMembership({kOne, kTwo});
  const Membership joint = Joint({kOne, kTwo}, {kOne, kTwo, kThree}, {kOne, kTwo, kThree});
  EXPECT_FALSE(IsLegalStep(two, UniformMembership({kOne, kTwo, kThree})));  // without the joint one
  EXPECT_FALSE(IsLegalStep(two, joint));                                    // without learning first
  EXPECT_FALSE(IsLegalStep(two, UniformMembership({kOne, kTwo}, {kThree, kFour})));
  EXPECT_FALSE(IsLegalStep(joint, UniformMembership({kOne, kTwo}, {kThree})));  // back instead of out
  EXPECT_FALSE(
      IsLegalStep(UniformMembership({kOne, kTwo, kThree}), Joint({kOne, kTwo, kThree}, {kOne}, {kOne, kTwo, kThree})));
  EXPECT_FALSE(IsLegalStep(two, {}));
}

TEST(MembershipRule, SpeaksOfACommittedShortcut) {
  Verdict verdict;
  MembershipRule judge(verdict);
  Commit(judge, Entry::OfMembership(Id(1, 0), UniformMembership({kOne})));
  Commit(judge, Entry::Blank(Id(1, 1)));
  Commit(judge, Entry::OfMembership(Id(1, 2), UniformMembership({kOne, kTwo})));
  EXPECT_EQ(Broken(verdict), "memberships change by legal steps");
}

TEST(MembershipRule, ALeaderHasOneUncommittedMembershipAtMost) {
  std::vector<Entry> entries = {Entry::Blank(Id(1, 0)), Entry::Blank(Id(2, 1)),
                                Entry::OfMembership(Id(2, 2), UniformMembership({kOne}))};
  Verdict verdict;
  MembershipRule judge(verdict);
  for (const Entry& entry : entries) judge.OnStored(entry);
  const Log one(std::nullopt, entries);
  judge.OnLeader(ViewOf(1, RoleName::kLeader, 2, 2, one));
  entries.push_back(Entry::OfMembership(Id(2, 3), UniformMembership({kOne}, {kTwo})));
  judge.OnStored(entries.back());
  const Log two(std::nullopt, entries);
  judge.OnLeader(ViewOf(1, RoleName::kLeader, 2, 1, two));  // it has not committed in its term yet
  judge.OnLeader(ViewOf(1, RoleName::kLeader, 2, 3, two));
  EXPECT_EQ(Broken(verdict), "");
  judge.OnLeader(ViewOf(1, RoleName::kLeader, 2, 2, two));
  EXPECT_EQ(Broken(verdict), "one membership change at a time");
}

}  // namespace
}  // namespace metasrv::sim
