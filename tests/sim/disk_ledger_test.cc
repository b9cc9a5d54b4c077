#include "sim/disk_ledger.h"

#include <gtest/gtest.h>

#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

TEST(DiskLedger, KnowsOnlyWhatWasCompletedAsDurable) {
  DiskLedger disk;
  disk.Issue(AppendOf({1, 1}));
  EXPECT_EQ(disk.issued().end(), LogIndex(2));
  EXPECT_EQ(disk.durable().end(), LogIndex(0));
  EXPECT_FALSE(disk.SurvivesCrash(Id(1, 0)));
  disk.Complete();
  EXPECT_TRUE(disk.SurvivesCrash(Id(1, 1)));
  EXPECT_FALSE(disk.SurvivesCrash(Id(2, 1)));
}

TEST(DiskLedger, CountsAnEntryAsLostWhileItsRemovalIsUnderWay) {
  DiskLedger disk = DiskOf({AppendOf({1, 1, 1})});
  io::LogBatch cut = AppendOf({2}, 1);
  cut.truncate_from = LogIndex(1);
  disk.Issue(cut);
  EXPECT_TRUE(disk.SurvivesCrash(Id(1, 0)));
  EXPECT_FALSE(disk.SurvivesCrash(Id(1, 1)));  // the removal may become durable
  EXPECT_FALSE(disk.SurvivesCrash(Id(2, 1)));  // or not
  disk.Complete();
  EXPECT_TRUE(disk.SurvivesCrash(Id(2, 1)));
}

TEST(DiskLedger, CountsAnEntryAsKeptThatIsCutAndWrittenAgainInOneBatch) {
  DiskLedger disk = DiskOf({AppendOf({1, 1})});
  io::LogBatch same = AppendOf({1}, 1);
  same.truncate_from = LogIndex(1);
  disk.Issue(same);
  EXPECT_TRUE(disk.SurvivesCrash(Id(1, 1)));
}

TEST(DiskLedger, CoversWhatWasPurgedOrReset) {
  DiskLedger disk = DiskOf({AppendOf({1, 1, 2})});
  io::LogBatch purge;
  purge.purge_to = Id(1, 1);
  disk.Issue(purge);
  EXPECT_TRUE(disk.SurvivesCrash(Id(1, 0)));
  disk.Complete();
  EXPECT_EQ(disk.durable().begin(), LogIndex(2));
  EXPECT_EQ(disk.durable().TermAt(LogIndex(1)), Term(1));
  io::LogBatch reset;
  reset.reset_to = Id(4, 9);
  disk.Issue(reset);
  EXPECT_TRUE(disk.SurvivesCrash(Id(1, 1)));
  EXPECT_FALSE(disk.SurvivesCrash(Id(4, 9)));
  disk.InstallState(Id(4, 9));
  EXPECT_TRUE(disk.SurvivesCrash(Id(4, 9)));
}

TEST(DiskLedger, StartsANewLifeFromWhatWasFound) {
  io::LogContents contents;
  contents.hard_state = HardState{Term(3), NodeId(2), false};
  contents.purged = Id(1, 4);
  contents.entries = Blanks({2, 3}, 5);
  DiskLedger disk;
  disk.Issue(AppendOf({1}));
  disk.Recover(contents);
  EXPECT_EQ(disk.pending_count(), 0U);
  EXPECT_EQ(disk.durable().hard_state().term, Term(3));
  EXPECT_TRUE(disk.SurvivesCrash(Id(3, 6)));
}

}  // namespace
}  // namespace metasrv::sim
