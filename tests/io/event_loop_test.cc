#include "tests/io/event_loop_contract.h"

#include <thread>

#include "io/real/os_clock.h"
#include "io/real/thread_loop.h"

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

}  // namespace
}  // namespace metasrv::test
