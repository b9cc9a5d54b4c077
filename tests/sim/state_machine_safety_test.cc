#include "sim/invariants/state_machine_safety.h"

#include <gtest/gtest.h>

#include "sim/command_maker.h"
#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

class StateMachineSafetyTest : public testing::Test {
 protected:
  StateMachineSafetyTest() {
    stored_.OnStored(NodeId(1), std::nullopt, Entry::Blank(Id(1, 0)));
    stored_.OnStored(NodeId(1), Term(1), Entry::Blank(Id(1, 1)));
    stored_.OnStored(NodeId(1), Term(1), Entry::Blank(Id(2, 1)));
    history_.AdvanceTo(Id(1, 1));
  }
  std::uint64_t RowSumAt(std::uint64_t index) { return history_.At(LogIndex(index)).row_sum; }

  Verdict verdict_;
  LogMatching stored_{verdict_};
  History history_{stored_, TokenOf, verdict_};
  StateMachineSafety judge_{history_, verdict_};
};

TEST_F(StateMachineSafetyTest, AcceptsTheSameStateAtTheSameIndex) {
  judge_.OnState(NodeId(2), Id(1, 0), RowSumAt(0));
  judge_.OnState(NodeId(2), Id(1, 1), RowSumAt(1));
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(StateMachineSafetyTest, NoticesAnotherEntryAtTheSameIndex) {
  judge_.OnState(NodeId(2), Id(2, 1), RowSumAt(1));
  EXPECT_EQ(Broken(verdict_), "state machine safety");
}

TEST_F(StateMachineSafetyTest, NoticesOtherRows) {
  judge_.OnState(NodeId(2), Id(1, 1), RowSumAt(1) + 1);
  EXPECT_EQ(Broken(verdict_), "same state at the same index");
}

TEST_F(StateMachineSafetyTest, NoticesOtherChanges) {
  sm::Applied applied;
  applied.id = Id(1, 1);
  judge_.OnApplied(NodeId(2), applied);
  EXPECT_EQ(Broken(verdict_), "");
  applied.changes.push_back({"k", std::nullopt, meta::SeqV()});
  judge_.OnApplied(NodeId(2), applied);
  EXPECT_EQ(Broken(verdict_), "state machine safety");
}

TEST_F(StateMachineSafetyTest, NoticesAnEntryThatNobodyStored) {
  judge_.OnState(NodeId(2), Id(3, 2), 0);
  EXPECT_EQ(Broken(verdict_), "log matching");
}

TEST(RowSum, DependsOnRowsAndNotOnTheirOrder) {
  RowSum a;
  a.Add("k1", "v1");
  a.Add("k2", "v2");
  RowSum b;
  b.Add("k2", "v2");
  b.Add("x", "y");
  b.Add("k1", "v1");
  EXPECT_NE(a.value(), b.value());
  b.Remove("x", "y");
  EXPECT_EQ(a.value(), b.value());
  RowSum swapped;
  swapped.Add("k1", "v2");
  swapped.Add("k2", "v1");
  EXPECT_NE(a.value(), swapped.value());
}

}  // namespace
}  // namespace metasrv::sim
