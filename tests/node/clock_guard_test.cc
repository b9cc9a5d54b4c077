#include "node/clock_guard.h"

#include <gtest/gtest.h>

namespace metasrv::node {
namespace {

using Kind = ClockJumped::Kind;

class HandClock final : public io::Clock {
 public:
  [[nodiscard]] Instant Now() const override { return Instant::FromMicros(now); }
  [[nodiscard]] Instant AwakeNow() const override { return Instant::FromMicros(awake); }
  [[nodiscard]] WallMillis WallNow() const override { return WallMillis(static_cast<std::uint64_t>(wall) / 1000); }
  void Pass(std::int64_t millis) {
    now += millis * 1000;
    awake += millis * 1000;
    wall += millis * 1000;
  }

  std::int64_t now = 5'000'000'700;
  std::int64_t awake = 77'000;
  std::int64_t wall = 1'700'000'000'000'300;
};

class ClockGuardTest : public testing::Test {
 protected:
  static RaftOptions Options() {
    RaftOptions options;
    options.election_timeout_min = Duration::Millis(1000);  // tolerates 24 ms, and pauses of 250 ms
    return options;
  }
  [[nodiscard]] Instant In(std::int64_t millis) const { return clock_.Now() + Duration::Millis(millis); }
  [[nodiscard]] std::optional<Kind> Check() {
    const auto jump = guard_.Check(deadline_);
    return jump ? std::optional(jump->kind) : std::nullopt;
  }

  HandClock clock_;
  ClockGuard guard_{clock_, Options()};
  Instant deadline_ = Instant::Never();
};

TEST_F(ClockGuardTest, SaysNothingWhileTheClocksAgree) {
  for (int i = 0; i < 5000; ++i) {
    clock_.Pass(7);
    clock_.wall += i % 2 == 0 ? 900 : -900;  // less than the wall clock's resolution
    EXPECT_EQ(Check(), std::nullopt);
  }
}

TEST_F(ClockGuardTest, NoticesThatTheWallClockWasSet) {
  for (const std::int64_t millis : {-60'000, -30, 30, 60'000}) {
    clock_.Pass(10);
    clock_.wall += millis * 1000;
    EXPECT_EQ(Check(), Kind::kDisagreement) << millis;
    EXPECT_EQ(Check(), std::nullopt) << "told once";
  }
}

TEST_F(ClockGuardTest, NoticesASleepAndAFreeze) {
  clock_.Pass(10);
  clock_.awake -= 400'000;  // asleep
  EXPECT_EQ(Check(), Kind::kDisagreement);
  clock_.Pass(10);
  clock_.wall += 400'000;  // both monotonic clocks stood still
  EXPECT_EQ(Check(), Kind::kDisagreement);
}

TEST_F(ClockGuardTest, AddsUpSmallDifferences) {
  int checks = 0;
  while (!Check() && checks < 100) {
    clock_.Pass(50);
    clock_.wall += 3000;
    ++checks;
  }
  EXPECT_LE(checks, 10);
}

TEST_F(ClockGuardTest, ForgivesASlowDrift) {
  for (int i = 0; i < 10'000; ++i) {
    clock_.Pass(100);
    clock_.wall += 500;  // 5000 ppm
    EXPECT_EQ(Check(), std::nullopt);
  }
}

TEST_F(ClockGuardTest, NoticesThatTheNodeDidNotRunInTime) {
  deadline_ = In(100);
  clock_.Pass(340);
  EXPECT_EQ(Check(), std::nullopt);
  deadline_ = In(100);
  clock_.Pass(360);
  EXPECT_EQ(Check(), Kind::kPause);
}

TEST_F(ClockGuardTest, WaitingForNothingIsNoPause) {
  deadline_ = In(10'000);
  clock_.Pass(9'000);
  EXPECT_EQ(Check(), std::nullopt);
  deadline_ = Instant::Never();
  clock_.Pass(900'000);
  EXPECT_EQ(Check(), std::nullopt);
}

}  // namespace
}  // namespace metasrv::node
