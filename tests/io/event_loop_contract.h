#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/io/loop_world.h"

// The contract of io::EventLoop and io::Clock as tests. An implementation describes its world and instantiates the
// suite.
namespace metasrv::test {

class EventLoopContract : public testing::TestWithParam<MakeLoopWorld> {
 protected:
  void SetUp() override { world_ = GetParam()(); }

  io::EventLoop& loop() { return world_->loop(); }
  [[nodiscard]] Instant In(Duration span) { return world_->clock().Now() + span; }
  // A task that writes its name down.
  io::Task Named(std::string name) {
    return [this, name = std::move(name)] { ran_.push_back(name); };
  }
  void RunUntilRan(std::size_t count) {
    world_->RunUntil([&] { return ran_.size() >= count; });
  }
  // Runs `task` on the loop, where timers may be set.
  void OnLoop(io::Task task) {
    bool done = false;
    loop().Post([&done, task = std::move(task)]() mutable {
      task();
      done = true;
    });
    world_->RunUntil([&] { return done; });
  }

  std::vector<std::string> ran_;
  std::unique_ptr<LoopWorld> world_;
};

using Names = std::vector<std::string>;

TEST_P(EventLoopContract, TasksRunInTheOrderInWhichTheyWerePosted) {
  for (const char* name : {"a", "b", "c", "d"}) loop().Post(Named(name));
  EXPECT_TRUE(ran_.empty());
  RunUntilRan(4);
  EXPECT_EQ(ran_, (Names{"a", "b", "c", "d"}));
}

TEST_P(EventLoopContract, TheLoopsOwnThreadTakesNothingAside) {
  OnLoop([this] {
    io::Task task = Named("aside");
    EXPECT_FALSE(loop().RunAside(task));
    loop().Post(std::move(task));
  });
  RunUntilRan(1);
  EXPECT_EQ(ran_, (Names{"aside"}));
}

TEST_P(EventLoopContract, APostedTaskNeverRunsInsideTheOneThatPostsIt) {
  loop().Post([this] {
    loop().Post(Named("inner"));
    ran_.emplace_back("outer");
  });
  RunUntilRan(2);
  EXPECT_EQ(ran_, (Names{"outer", "inner"}));
}

TEST_P(EventLoopContract, ATaskIsDestroyedBeforeTheNextOneRuns) {
  auto token = std::make_shared<int>(0);
  const std::weak_ptr<int> seen = token;
  loop().Post([token = std::move(token)] {});
  loop().Post([this, seen] { ran_.emplace_back(seen.expired() ? "gone" : "still there"); });
  RunUntilRan(1);
  EXPECT_EQ(ran_, (Names{"gone"}));
}

TEST_P(EventLoopContract, TimersRunInTheOrderOfTheirTimesThenOfTheirMaking) {
  OnLoop([this] {
    const Instant soon = In(Duration::Millis(3));
    const Instant sooner = In(Duration::Millis(1));
    loop().RunAt(soon, Named("soon"));
    loop().RunAt(sooner, Named("sooner"));
    loop().RunAt(soon, Named("soon, later made"));
  });
  RunUntilRan(3);
  EXPECT_EQ(ran_, (Names{"sooner", "soon", "soon, later made"}));
}

TEST_P(EventLoopContract, ATimerNeverRunsBeforeItsTime) {
  for (int i = 0; i < 20; ++i) {
    OnLoop([this, i] {
      const Instant at = In(Duration::Micros(137 * i));
      loop().RunAt(at, [this, at] { ran_.emplace_back(world_->clock().Now() >= at ? "in time" : "too early"); });
    });
  }
  RunUntilRan(20);
  EXPECT_EQ(ran_, Names(20, "in time"));
}

TEST_P(EventLoopContract, ATimeThatHasPassedIsDueAtOnceButNotInsideTheCall) {
  OnLoop([this] {
    loop().RunAt(In(Duration::Seconds(-5)), Named("timer"));
    ran_.emplace_back("task");
  });
  RunUntilRan(2);
  EXPECT_EQ(ran_, (Names{"task", "timer"}));
}

TEST_P(EventLoopContract, ACancelledTimerDoesNotRun) {
  OnLoop([this] {
    const io::TimerId first = loop().RunAt(In(Duration::Millis(1)), Named("cancelled"));
    loop().RunAt(In(Duration::Millis(2)), Named("kept"));
    EXPECT_NE(first, 0U);
    loop().Cancel(first);
    loop().Cancel(first);
    loop().Cancel(0);
    loop().Cancel(987654321);
  });
  RunUntilRan(1);
  EXPECT_EQ(ran_, (Names{"kept"}));
}

TEST_P(EventLoopContract, ATimerMayCancelAnotherOneThatIsDueAtTheSameTime) {
  OnLoop([this] {
    const Instant at = In(Duration::Millis(1));
    auto second = std::make_shared<io::TimerId>(0);
    loop().RunAt(at, [this, second] {
      loop().Cancel(*second);
      ran_.emplace_back("first");
    });
    *second = loop().RunAt(at, Named("second"));
    loop().RunAt(at, Named("third"));
  });
  RunUntilRan(2);
  EXPECT_EQ(ran_, (Names{"first", "third"}));
}

TEST_P(EventLoopContract, CancellingATimerThatHasRunIsHarmless) {
  auto timer = std::make_shared<io::TimerId>(0);
  OnLoop([this, timer] { *timer = loop().RunAt(In(Duration()), Named("ran")); });
  RunUntilRan(1);
  OnLoop([this, timer] {
    loop().Cancel(*timer);
    loop().RunAt(In(Duration()), Named("next"));
  });
  RunUntilRan(2);
  EXPECT_EQ(ran_, (Names{"ran", "next"}));
}

TEST_P(EventLoopContract, ATimerThatAlwaysAsksForNowDoesNotStarveTheTasks) {
  auto again = std::make_shared<std::function<void()>>();
  *again = [this, again] { loop().RunAt(In(Duration()), [again] { (*again)(); }); };
  OnLoop([again] { (*again)(); });
  loop().Post(Named("task"));
  RunUntilRan(1);
  EXPECT_EQ(ran_, (Names{"task"}));
  *again = [] {};
}

TEST_P(EventLoopContract, TheMonotonicClockNeverGoesBack) {
  Instant last = world_->clock().Now();
  for (int i = 0; i < 1000; ++i) {
    const Instant now = world_->clock().Now();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(world_->clock().WallNow(), WallMillis(1'600'000'000'000));
}

TEST_P(EventLoopContract, TheClocksAgreeOnHowMuchTimeHasPassed) {
  const io::Clock& clock = world_->clock();
  const Instant boot = clock.Now();
  const Instant awake = clock.AwakeNow();
  const WallMillis wall = clock.WallNow();
  OnLoop([this] { loop().RunAt(In(Duration::Millis(30)), Named("later")); });
  RunUntilRan(1);
  // In the order they were read first, so that a delay between two readings only ever adds to the later ones.
  const Duration passed = clock.Now() - boot;
  const Duration passed_awake = clock.AwakeNow() - awake;
  const auto passed_on_the_wall = Duration::Millis(static_cast<std::int64_t>(clock.WallNow().value() - wall.value()));
  EXPECT_GE(passed, Duration::Millis(30));
  EXPECT_LT(passed_awake - passed, Duration::Seconds(1));
  EXPECT_LT(passed - passed_awake, Duration::Seconds(1));
  EXPECT_LT(passed_on_the_wall - passed, Duration::Seconds(1));
  EXPECT_LT(passed - passed_on_the_wall, Duration::Seconds(1));
}

TEST_P(EventLoopContract, TheAwakeClockNeverGoesBack) {
  Instant last = world_->clock().AwakeNow();
  for (int i = 0; i < 1000; ++i) {
    const Instant now = world_->clock().AwakeNow();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace metasrv::test
