// What a leader believes of a peer, whatever order the answers come in.
#include "consensus/progress.h"

#include <gtest/gtest.h>

#include "common/prng.h"

namespace metasrv {
namespace {

TEST(Progress, NextNeverFallsBelowMatchWhateverTheAnswers) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    Progress progress(LogIndex(10), Instant());
    for (int i = 0; i < 200; ++i) {
      const LogIndex end(prng.Below(20));
      if (progress.mode() == Progress::Mode::kSnapshot) {
        if (prng.Below(2) == 0) {
          progress.Acked(end, 0);
        } else {
          progress.EndSnapshot(end, 0);
        }
        ASSERT_GE(progress.next(), progress.match_end()) << "seed " << seed;
        continue;
      }
      switch (prng.Below(4)) {
        case 0: progress.Acked(end, 0); break;
        case 1: progress.Refused(end); break;
        case 2: progress.Sent(std::max(end, progress.next().Next()), 1); break;
        default:
          if (prng.Below(8) == 0) progress.StartSnapshot();
      }
      ASSERT_GE(progress.next(), progress.match_end()) << "seed " << seed;
    }
  }
}

TEST(Progress, MatchNeverFallsByALateAnswer) {
  Progress progress(LogIndex(5), Instant());
  progress.Acked(LogIndex(5), 0);
  progress.Acked(LogIndex(3), 0);
  EXPECT_EQ(progress.match_end(), LogIndex(5));
  progress.Refused(LogIndex(2));
  EXPECT_EQ(progress.next(), LogIndex(5));
}

TEST(Progress, FullWindowWaitsForAnAnswerAndAProbeForItsTurn) {
  Progress progress(LogIndex(0), Instant());
  EXPECT_TRUE(progress.CanSend(2, 100));
  progress.Sent(LogIndex(0), 0);
  EXPECT_FALSE(progress.CanSend(2, 100));
  progress.Acked(LogIndex(0), 0);
  ASSERT_EQ(progress.mode(), Progress::Mode::kReplicate);
  progress.Sent(LogIndex(1), 1);
  progress.Sent(LogIndex(2), 1);
  EXPECT_FALSE(progress.CanSend(2, 100));
  progress.Acked(LogIndex(1), 0);
  EXPECT_TRUE(progress.CanSend(2, 100));
}

}  // namespace
}  // namespace metasrv
