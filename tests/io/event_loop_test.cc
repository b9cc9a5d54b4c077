#include "tests/io/event_loop_contract.h"

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "io/real/os_clock.h"
#include "io/real/thread_loop.h"
#include "tests/io/borrowing.h"

namespace metasrv::test {

INSTANTIATE_TEST_SUITE_P(Thread, EventLoopContract, testing::Values(&MakeThreadLoopWorld));
INSTANTIATE_TEST_SUITE_P(Simulated, EventLoopContract, testing::Values(&MakeSimLoopWorld));

namespace {

TEST(ThreadLoop, TasksOfManyThreadsAllRunAndEachThreadsInItsOrder) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 2000;
  const io::OsClock clock;
  io::ThreadLoop loop(clock);
  std::vector<int> next(kThreads, 0);
  int left = kThreads * kTasks;
  std::vector<std::thread> posters;
  for (int poster = 0; poster < kThreads; ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < kTasks; ++i) {
        loop.Post([&, poster, i] {
          EXPECT_EQ(next[static_cast<std::size_t>(poster)]++, i);
          if (--left == 0) loop.Stop();
        });
      }
    });
  }
  loop.Run();
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(left, 0);
}

TEST(ThreadLoop, StoppingDropsAndDestroysWhatHasNotRun) {
  const io::OsClock clock;
  io::ThreadLoop loop(clock);
  const auto token = std::make_shared<int>(0);
  bool ran = false;
  loop.Post([&] {
    loop.RunAt(clock.Now() + Duration::Seconds(1000), [token] {});
    loop.RunAt(clock.Now(), [&ran, token] { ran = true; });
    loop.Stop();
  });
  loop.Post([&ran, token] { ran = true; });
  loop.Run();
  loop.Post([&ran, token] { ran = true; });
  EXPECT_FALSE(ran);
  EXPECT_EQ(token.use_count(), 1);
}

TEST(ThreadLoop, APostWakesALoopThatWaitsForAFarTimer) {
  const io::OsClock clock;
  io::ThreadLoop loop(clock);
  std::thread runner([&] { loop.Run(); });
  loop.Post([&] { loop.RunAt(clock.Now() + Duration::Seconds(100000), [] {}); });
  loop.Post([&] { loop.RunAt(Instant::Never(), [] {}); });
  std::thread([&] { loop.Post([&] { loop.Stop(); }); }).join();
  runner.join();
}

TEST(ThreadLoop, ASleepingLoopIsBorrowedForATaskAndWhatItPosts) {
  const io::OsClock clock;
  io::ThreadLoop loop(clock);
  std::thread runner([&] { loop.Run(); });
  std::vector<std::string> ran;
  DispatchUntilBorrowed(loop, [&] {
    loop.Post([&, self = std::this_thread::get_id()] {
      ran.emplace_back(std::this_thread::get_id() == self ? "posted, here" : "posted, elsewhere");
      loop.Dispatch([&] { ran.emplace_back("dispatched"); });
    });
    ran.emplace_back("first");
  });
  EXPECT_EQ(ran, (Names{"first", "posted, here", "dispatched"}));
  loop.Stop();
  runner.join();
}

TEST(ThreadLoop, ATimerThatABorrowerSetWakesALoopThatWaitsForAFarOne) {
  const io::OsClock clock;
  io::ThreadLoop loop(clock);
  std::thread runner([&] { loop.Run(); });
  loop.Post([&] { loop.RunAt(clock.Now() + Duration::Seconds(100000), [] {}); });
  DispatchUntilBorrowed(loop, [&] { loop.RunAt(clock.Now() + Duration::Millis(1), [&] { loop.Stop(); }); });
  runner.join();
}

TEST(ThreadLoop, ABorrowerMayStopTheLoop) {
  const io::OsClock clock;
  io::ThreadLoop loop(clock);
  std::thread runner([&] { loop.Run(); });
  bool ran = false;
  DispatchUntilBorrowed(loop, [&] {
    loop.Stop();
    loop.Post([&] { ran = true; });
  });
  runner.join();
  EXPECT_FALSE(ran);
}

TEST(ThreadLoop, WhatABorrowerPutsAsideRunsOnItsThreadWhenTheLoopIsFree) {
  const io::OsClock clock;
  io::ThreadLoop loop(clock);
  std::thread runner([&] { loop.Run(); });
  std::atomic<bool> others_ran = false;
  std::thread::id aside_on;
  DispatchUntilBorrowed(loop, [&] {
    io::Task aside = [&] {
      aside_on = std::this_thread::get_id();
      loop.Post([&] { others_ran = true; });
      while (!others_ran) std::this_thread::yield();
    };
    EXPECT_TRUE(loop.RunAside(aside));
  });
  EXPECT_TRUE(others_ran);
  EXPECT_EQ(aside_on, std::this_thread::get_id());
  loop.Stop();
  runner.join();
}

TEST(ThreadLoop, BorrowedOrNotTasksRunOneAtATimeAndInOrder) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 5000;
  const io::OsClock clock;
  io::ThreadLoop loop(clock);
  std::vector<int> next(kThreads, 0);
  int left = 2 * kThreads * kTasks;  // each task posts another one
  const auto done_one = [&] {
    if (--left == 0) loop.Stop();
  };
  std::vector<std::thread> posters;
  for (int poster = 0; poster < kThreads; ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < kTasks; ++i) {
        io::Task task = [&, poster, i] {
          EXPECT_EQ(next[static_cast<std::size_t>(poster)]++, i);
          loop.Post([&] { loop.RunAt(clock.Now(), done_one); });
          done_one();
        };
        i % 3 == 0 ? loop.Post(std::move(task)) : loop.Dispatch(std::move(task));
        if (i % 7 == 0) std::this_thread::yield();
      }
    });
  }
  loop.Run();
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace metasrv::test
