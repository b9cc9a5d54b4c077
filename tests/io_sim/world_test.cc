#include "io/sim/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "io/sim/sim_loop.h"

namespace metasrv::io {
namespace {

const NodeId kNode(1);

Instant At(std::int64_t micros) { return Instant::FromMicros(micros); }

TEST(World, RunsEventsByTimeThenByTheOrderTheyWereMadeIn) {
  World world(1);
  std::string order;
  world.At(At(20), [&] { order += "c"; });
  world.At(At(10), [&] { order += "a"; });
  world.At(At(20), [&] { order += "d"; });
  world.At(At(10), [&] { order += "b"; });
  world.RunUntil(At(100));
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(world.now(), At(100));
  EXPECT_EQ(world.event_count(), 4U);
}

TEST(World, RunsAnEventOfThePastAtOnceButAfterWhatIsDue) {
  World world(1);
  std::string order;
  world.At(At(50), [&] {
    world.At(At(10), [&] { order += "late"; });
    order += "first ";
  });
  world.At(At(50), [&] { order += "second "; });
  world.RunUntil(At(50));
  EXPECT_EQ(order, "first second late");
}

TEST(World, StepOneRunsExactlyOneEventAndSaysWhenThereIsNone) {
  World world(1);
  int runs = 0;
  world.At(At(5), [&] { ++runs; });
  world.At(At(6), [&] { ++runs; });
  EXPECT_EQ(world.NextEventTime(), At(5));
  EXPECT_TRUE(world.StepOne());
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(world.StepOne());
  EXPECT_FALSE(world.StepOne());
  EXPECT_EQ(world.NextEventTime(), Instant::Never());
}

TEST(World, ForgetsACancelledEventAndIgnoresItsIdAfterwards) {
  World world(1);
  int runs = 0;
  const EventId id = world.At(At(5), [&] { ++runs; });
  world.Cancel(id);
  const EventId reused = world.At(At(6), [&] { runs += 10; });
  world.Cancel(id);  // the old name of the same slot
  EXPECT_NE(id, reused);
  world.RunUntil(At(10));
  EXPECT_EQ(runs, 10);
}

TEST(World, StaysInOrderWhenThousandsOfEventsAreCancelled) {
  World world(1);
  std::vector<std::int64_t> times;
  std::vector<EventId> ids;
  for (std::int64_t i = 0; i < 5000; ++i) {
    const std::int64_t when = (i * 7919) % 5000;
    ids.push_back(world.At(At(when), [&times, when] { times.push_back(when); }));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i % 10 != 0) world.Cancel(ids[i]);
  }
  world.RunUntil(At(5000));
  EXPECT_EQ(times.size(), 500U);
  EXPECT_TRUE(std::ranges::is_sorted(times));
}

TEST(World, DropsTheEventsOfADeadIncarnation) {
  World world(1);
  const Actor first = world.StartLife(kNode);
  std::string ran;
  world.At(At(10), first, EventKind::kTask, 0, [&] { ran += "first "; });
  world.At(At(10), Actor::AnyLife(kNode), EventKind::kArrival, 0, [&] { ran += "wire "; });
  world.Kill(kNode);
  const Actor second = world.StartLife(kNode);
  world.At(At(10), first, EventKind::kTask, 0, [&] { ran += "ghost "; });
  world.At(At(10), second, EventKind::kTask, 0, [&] { ran += "second"; });
  world.RunUntil(At(20));
  EXPECT_EQ(ran, "wire second");
  EXPECT_EQ(world.Incarnation(kNode), 2U);
}

TEST(World, DestroysTheTasksOfADeadIncarnationAtOnce) {
  World world(1);
  const Actor actor = world.StartLife(kNode);
  auto held = std::make_shared<int>(1);
  world.At(At(10), actor, EventKind::kTask, 0, [held] {});
  EXPECT_EQ(held.use_count(), 2);
  world.Kill(kNode);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(World, HoldsAPausedNodeButNotItsDisk) {
  World world(1);
  const Actor actor = world.StartLife(kNode);
  std::string ran;
  world.Pause(kNode);
  world.At(At(10), actor, EventKind::kTimer, 0, [&] { ran += "timer "; });
  world.At(At(20), Actor::AnyLife(kNode), EventKind::kArrival, 0, [&] { ran += "packet "; });
  world.At(At(30), Actor::AnyLife(kNode), EventKind::kDisk, 0, [&] { ran += "disk "; });
  world.RunUntil(At(100));
  EXPECT_EQ(ran, "disk ");
  world.Resume(kNode);
  world.RunUntil(At(100));
  EXPECT_EQ(ran, "disk timer packet ");
}

TEST(World, DropsWhatAPausedNodeHeldWhenItDies) {
  World world(1);
  const Actor actor = world.StartLife(kNode);
  std::string ran;
  world.Pause(kNode);
  world.At(At(10), actor, EventKind::kTimer, 0, [&] { ran += "timer "; });
  world.At(At(20), Actor::AnyLife(kNode), EventKind::kArrival, 0, [&] { ran += "packet "; });
  world.RunUntil(At(50));
  world.Kill(kNode);
  EXPECT_FALSE(world.Paused(kNode));
  world.RunUntil(At(100));
  EXPECT_EQ(ran, "packet ");
}

TEST(World, KeepsADigestCheckpointOfEvery4096Events) {
  World world(1);
  for (int i = 0; i < 9000; ++i) world.At(At(i), [] {});
  world.RunUntil(At(4095));
  ASSERT_EQ(world.checkpoints().size(), 1U);
  EXPECT_EQ(world.checkpoints()[0], world.digest());
  world.RunUntil(At(9000));
  EXPECT_EQ(world.checkpoints().size(), 2U);
}

TEST(SimLoop, RunsPostedTasksInTheirOrderAndAtThePresentTime) {
  World world(1);
  SimClock clock(world);
  SimLoop loop(world, clock, world.StartLife(kNode));
  std::string order;
  loop.Post([&] {
    order += "a";
    loop.Post([&] { order += "c"; });
  });
  loop.Post([&] { order += "b"; });
  world.RunUntil(At(0));
  EXPECT_EQ(order, "abc");
}

TEST(SimLoop, NeverRunsATimerThatIsSetToNeverOrWasCancelled) {
  World world(1);
  SimClock clock(world);
  SimLoop loop(world, clock, world.StartLife(kNode));
  int runs = 0;
  const TimerId never = loop.RunAt(Instant::Never(), [&] { ++runs; });
  EXPECT_NE(never, 0U);
  loop.Cancel(never);
  loop.Cancel(loop.RunAt(clock.Now() + Duration::Millis(1), [&] { ++runs; }));
  world.RunUntil(At(1'000'000));
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(world.NextEventTime(), Instant::Never());
}

TEST(TraceRing, KeepsTheLastMarksAndPrintsThemOldestFirst) {
  TraceRing ring(3);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    ring.Add({At(0), i, MarkKind::kStarted, {}, NodeId(i), {}, i, 0, {}});
  }
  EXPECT_EQ(ring.total(), 5U);
  EXPECT_EQ(ring.Tail(2), (std::vector<std::string>{"#4 0us n4 started, life 4", "#5 0us n5 started, life 5"}));
  EXPECT_EQ(ring.Tail(10, NodeId(3)), (std::vector<std::string>{"#3 0us n3 started, life 3"}));
}

TEST(SimTrace, DigestsWhatANodeReportsButNotItsText) {
  World a(1);
  World b(1);
  World c(1);
  SimTrace(a).Emit(kNode, {TraceKind::kTermChanged, 7, 0, "one"});
  SimTrace(b).Emit(kNode, {TraceKind::kTermChanged, 7, 0, "two"});
  SimTrace(c).Emit(kNode, {TraceKind::kTermChanged, 8, 0, "one"});
  EXPECT_EQ(a.digest(), b.digest());
  EXPECT_NE(a.digest(), c.digest());
}

}  // namespace
}  // namespace metasrv::io
