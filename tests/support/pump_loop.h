#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "common/check.h"
#include "io/event_loop.h"

namespace metasrv::test {

// An event loop that runs on the test's own thread, while the test asks it to; what other threads post waits until
// then. No timers.
class PumpLoop final : public io::EventLoop {
 public:
  // Runs tasks until `done()` holds, waiting for more when there are none. A wait without end is a bug of the code
  // under test.
  void RunUntil(const std::function<bool()>& done) {
    while (!done()) {
      std::vector<io::Task> batch = TakeAll();
      for (io::Task& task : batch) task();
    }
  }

  void Post(io::Task task) override {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }
  io::TimerId RunAt(Instant, io::Task) override {
    CHECK(false);
    return 0;
  }
  void Cancel(io::TimerId) override {}

  // Forgets what has not run, as the death of a process does.
  void Clear() {
    const std::lock_guard lock(mutex_);
    tasks_.clear();
  }

 private:
  std::vector<io::Task> TakeAll() {
    constexpr std::chrono::seconds kHang(120);
    std::unique_lock lock(mutex_);
    CHECK(wake_.wait_for(lock, kHang, [this] { return !tasks_.empty(); }));
    return std::exchange(tasks_, {});
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<io::Task> tasks_;
};

}  // namespace metasrv::test
