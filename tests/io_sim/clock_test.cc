#include "io/sim/sim_clock.h"

#include <gtest/gtest.h>

#include "io/sim/sim_loop.h"

namespace metasrv::io {
namespace {

const NodeId kNode(1);

TEST(SimClock, RunsFastOrSlowByItsDrift) {
  World world(1);
  const SimClock exact(world);
  const SimClock fast(world, {.drift_ppm = 1000});
  const SimClock slow(world, {.drift_ppm = -1000});
  const Instant start = exact.Now();
  world.RunFor(Duration::Seconds(1000));
  EXPECT_EQ((exact.Now() - start).micros(), 1'000'000'000);
  EXPECT_EQ((fast.Now() - start).micros(), 1'001'000'000);
  EXPECT_EQ((slow.Now() - start).micros(), 999'000'000);
}

TEST(SimClock, ConvertsALocalTimeToTheFirstMomentThatShowsIt) {
  World world(1);
  for (const std::int32_t drift : {0, 1, -1, 37, -37, 123'456, -123'456, 900'000, -900'000}) {
    const SimClock clock(world, {.drift_ppm = drift});
    const Instant base = clock.Now();
    for (const std::int64_t span : {1, 2, 3, 999, 1'000'001, 77'777'777}) {
      World probe(1);
      const SimClock same(probe, {.drift_ppm = drift});
      const Instant local = base + Duration::Micros(span);
      const Instant when = same.ToWorld(local);
      probe.RunUntil(when - Duration::Micros(1));
      EXPECT_LT(same.Now(), local) << drift << " " << span;
      probe.RunUntil(when);
      EXPECT_GE(same.Now(), local) << drift << " " << span;
    }
  }
  EXPECT_EQ(SimClock(world).ToWorld(Instant::Never()), Instant::Never());
}

TEST(SimClock, NeitherClockJumpsWhenTheDriftChanges) {
  World world(1);
  SimClock clock(world, {.drift_ppm = 500'000});
  world.RunFor(Duration::Seconds(10));
  const Instant local = clock.Now();
  const WallMillis wall = clock.WallNow();
  clock.SetDrift(-500'000);
  EXPECT_EQ(clock.Now(), local);
  EXPECT_EQ(clock.WallNow(), wall);
  world.RunFor(Duration::Seconds(10));
  EXPECT_EQ((clock.Now() - local).micros(), 5'000'000);
}

TEST(SimClock, WallTimeIsSkewedAndJumpsWhileTheMonotonicTimeDoesNot) {
  World world(1);
  SimClock clock(world, {.wall_skew_millis = -1500});
  EXPECT_EQ(clock.WallNow().value(), SimClock::kWallEpochMillis - 1500);
  const Instant local = clock.Now();
  clock.JumpWall(60'000);
  EXPECT_EQ(clock.WallSkew(), 58'500);
  clock.SetWallSkew(-7);
  EXPECT_EQ(clock.WallSkew(), -7);
  EXPECT_EQ(clock.Now(), local);
}

TEST(SimClock, SleepStopsOnlyTheAwakeClock) {
  World world(1);
  SimClock clock(world);
  const Instant now = clock.Now();
  const Instant awake = clock.AwakeNow();
  world.RunFor(Duration::Seconds(5));
  clock.NoteSleep(Duration::Seconds(3));
  EXPECT_EQ((clock.Now() - now).millis(), 5000);
  EXPECT_EQ((clock.AwakeNow() - awake).millis(), 2000);
  EXPECT_EQ(clock.WallSkew(), 0);
}

TEST(SimClock, FreezeStopsBothMonotonicClocksAndTheWallIsSetRightAfterwards) {
  World world(1);
  SimClock clock(world);
  const Instant now = clock.Now();
  const Instant awake = clock.AwakeNow();
  world.RunFor(Duration::Seconds(5));
  clock.NoteFreeze(Duration::Seconds(3));
  EXPECT_EQ((clock.Now() - now).millis(), 2000);
  EXPECT_EQ((clock.AwakeNow() - awake).millis(), 2000);
  EXPECT_EQ(clock.WallSkew(), 0);
  world.RunFor(Duration::Seconds(1));
  EXPECT_EQ((clock.Now() - now).millis(), 3000);
}

TEST(SimLoop, RunsATimerOnceTheNodesOwnClockShowsItsTime) {
  World world(1);
  const SimClock clock(world, {.drift_ppm = -500'000});
  SimLoop loop(world, clock, world.StartLife(kNode));
  const Instant due = clock.Now() + Duration::Millis(10);
  Instant ran_at;
  loop.RunAt(due, [&] { ran_at = world.now(); });
  world.RunFor(Duration::Seconds(1));
  EXPECT_EQ(ran_at, Instant::FromMicros(20'000));
}

TEST(SimLoop, DoesNotRunATimerEarlyWhenTheClockIsSlowedDownMeanwhile) {
  World world(1);
  SimClock clock(world);
  SimLoop loop(world, clock, world.StartLife(kNode));
  const Instant due = clock.Now() + Duration::Millis(10);
  Instant shown;
  loop.RunAt(due, [&] { shown = clock.Now(); });
  world.RunFor(Duration::Millis(5));
  clock.SetDrift(-900'000);
  world.RunFor(Duration::Millis(49));
  EXPECT_EQ(shown, Instant());
  world.RunFor(Duration::Millis(2));
  EXPECT_GE(shown, due);
}

TEST(SimLoop, CancelsATimerThatHasMovedWithItsClock) {
  World world(1);
  SimClock clock(world);
  SimLoop loop(world, clock, world.StartLife(kNode));
  bool ran = false;
  const TimerId timer = loop.RunAt(clock.Now() + Duration::Millis(10), [&] { ran = true; });
  clock.SetDrift(-900'000);
  world.RunFor(Duration::Millis(50));
  loop.Cancel(timer);
  world.RunFor(Duration::Seconds(1));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace metasrv::io
