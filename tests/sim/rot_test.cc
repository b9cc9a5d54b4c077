// The judges of wrong states: what they forgive, and what they do not.
#include <gtest/gtest.h>

#include "sim/command_maker.h"
#include "sim/judges.h"
#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

class RotTest : public testing::Test {
 protected:
  RotTest() {
    for (const std::uint64_t id : {1, 2}) judges_.OnOpened(NodeId(id), 1, {}, std::nullopt);
  }
  void Trace(std::uint64_t node, TraceKind kind, std::uint64_t a = 0, std::uint64_t b = 0) {
    judges_.OnTrace(NodeId(node), {kind, a, b, {}});
  }

  Verdict verdict_;
  Probes probes_;
  Judges judges_{TokenOf, verdict_, probes_};
};

TEST_F(RotTest, AQuarantineWithoutRotIsAFalseAlarm) {
  judges_.OnRotted(NodeId(2));
  Trace(2, TraceKind::kQuarantined);
  EXPECT_EQ(Broken(verdict_), "");
  Trace(1, TraceKind::kQuarantined);
  EXPECT_EQ(Broken(verdict_), "only a wrong state is quarantined");
}

TEST_F(RotTest, ReadsOfARottenStateAreForgivenUntilItsNodeKnows) {
  EXPECT_TRUE(judges_.MayTrustRead(NodeId(1)));
  judges_.OnRotted(NodeId(1));
  EXPECT_TRUE(judges_.AnyRotten());
  EXPECT_FALSE(judges_.MayTrustRead(NodeId(1)));
  EXPECT_TRUE(judges_.MayTrustRead(NodeId(2)));
  EXPECT_EQ(Broken(verdict_), "");
  Trace(1, TraceKind::kQuarantined);
  EXPECT_FALSE(judges_.MayTrustRead(NodeId(1)));
  EXPECT_EQ(Broken(verdict_), "a quarantined state is not served");
}

TEST_F(RotTest, ASnapshotThatIsNotWhatWasAnnouncedIsForgivenToARottenSenderOnly) {
  judges_.OnRotted(NodeId(2));
  Trace(1, TraceKind::kSnapshotDamaged, 2, 7);
  EXPECT_EQ(Broken(verdict_), "");
  Trace(2, TraceKind::kSnapshotDamaged, 1, 7);
  EXPECT_EQ(Broken(verdict_), "snapshots arrive whole");
}

TEST_F(RotTest, AWipedDiskIsNotRottenAnyMore) {
  judges_.OnRotted(NodeId(1));
  judges_.OnOpened(NodeId(1), 2, {}, std::nullopt);
  EXPECT_FALSE(judges_.AnyRotten());
  EXPECT_TRUE(judges_.EverRotten());
}

}  // namespace
}  // namespace metasrv::sim
