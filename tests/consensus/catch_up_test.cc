#include "consensus/catch_up.h"

#include <gtest/gtest.h>

namespace metasrv {
namespace {

using Verdict = CatchUp::Verdict;

constexpr CatchUp::Limits kLimits{
    .round_max = Duration::Millis(1000), .long_rounds_max = 3, .stall_max = Duration::Millis(8000)};

// A leader at 0 ms with 1000 entries, of which the learner has none.
class CatchUpTest : public testing::Test {
 protected:
  Verdict See(std::int64_t millis, std::uint64_t match, std::uint64_t log, bool heard = true, bool snapshot = false) {
    const CatchUp::Sight sight{
        .match_end = LogIndex(match), .log_end = LogIndex(log), .takes_snapshot = snapshot, .heard_recently = heard};
    return catch_up_.Observe(sight, At(millis), kLimits);
  }
  static Instant At(std::int64_t millis) { return Instant() + Duration::Millis(millis); }

  CatchUp catch_up_{LogIndex(1000), At(0)};
};

TEST_F(CatchUpTest, AShortRoundIsEnoughHoweverFastTheLogGrows) {
  EXPECT_EQ(See(100, 500, 50'000), Verdict::kWaiting);
  EXPECT_EQ(See(900, 1000, 90'000), Verdict::kCaughtUp);  // it lags 0.9 s, which are 89,000 entries
}

TEST_F(CatchUpTest, ALongFirstRoundIsFollowedByShorterOnes) {
  EXPECT_EQ(See(5000, 1000, 2000), Verdict::kWaiting);
  EXPECT_EQ(See(5500, 1500, 2500), Verdict::kWaiting);
  EXPECT_EQ(See(5800, 2000, 3000), Verdict::kCaughtUp);
}

TEST_F(CatchUpTest, AShortRoundIsForgottenWhenTheNextOneGetsLong) {
  EXPECT_EQ(See(500, 1000, 2000, false), Verdict::kWaiting);
  EXPECT_EQ(See(1600, 1500, 3000), Verdict::kWaiting);
}

TEST_F(CatchUpTest, ALearnerThatFallsFurtherBehindInEachRoundIsTooSlow) {
  EXPECT_EQ(See(2000, 1000, 4000), Verdict::kWaiting);
  EXPECT_EQ(See(6000, 4000, 12'000), Verdict::kWaiting);
  EXPECT_EQ(See(13'000, 12'000, 30'000), Verdict::kTooSlow);
}

TEST_F(CatchUpTest, WhoMakesNoProgressIsTooSlow) {
  EXPECT_EQ(See(100, 10, 1000), Verdict::kWaiting);
  EXPECT_EQ(See(8000, 10, 1000), Verdict::kWaiting);
  EXPECT_EQ(See(8100, 10, 1000), Verdict::kTooSlow);
}

TEST_F(CatchUpTest, AStateTransferCountsAsProgressWhileTheLearnerAnswers) {
  EXPECT_EQ(See(20'000, 0, 1000, true, true), Verdict::kWaiting);
  EXPECT_EQ(See(27'000, 0, 1000, false, true), Verdict::kWaiting);
  EXPECT_EQ(See(28'000, 0, 1000, false, true), Verdict::kTooSlow);
}

TEST_F(CatchUpTest, WhoIsSilentIsNotPromotedThoughItHasEverything) {
  EXPECT_EQ(See(100, 1000, 1000, false), Verdict::kWaiting);
  EXPECT_EQ(See(8200, 1000, 1000, false), Verdict::kTooSlow);
}

}  // namespace
}  // namespace metasrv
