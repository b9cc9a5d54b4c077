#include "sim/judges.h"

#include <gtest/gtest.h>

#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

TEST(Judges, AnEmptyDiskDoesNotStandInForTheOneThatWasTakenOut) {
  constexpr Incarnation kImported(2);
  Verdict verdict;
  Probes probes;
  Judges judges([](const pb::Command&) { return std::uint64_t{0}; }, verdict, probes);
  io::LogContents contents;
  contents.incarnation = kImported;
  contents.entries = Blanks({1, 1});
  judges.OnOpened(NodeId(4), 1, contents, std::nullopt);
  judges.OnDiskReplaced(NodeId(4));
  for (const Incarnation recorded : {Incarnation(), kImported}) {
    const DiskLedger* disk = judges.DiskOf(NodeId(4), recorded);
    ASSERT_NE(disk, nullptr);
    EXPECT_TRUE(disk->SurvivesCrash(Id(1, 1)));
  }
  EXPECT_EQ(judges.DiskOf(NodeId(4), Incarnation(3)), nullptr);
}

}  // namespace
}  // namespace metasrv::sim
