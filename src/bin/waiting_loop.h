#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "common/check.h"
#include "io/event_loop.h"

namespace metasrv {

// The event loop of a program that has nothing else to do: tasks run on the thread that waits for what they bring
// about. It has no timers; the stores need none.
class WaitingLoop final : public io::EventLoop {
 public:
  // Runs tasks until `done()` holds. Requires: a task makes it hold.
  void WaitUntil(const std::function<bool()>& done) {
    while (!done()) {
      std::vector<io::Task> batch;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !tasks_.empty(); });
        batch.swap(tasks_);
      }
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
  io::TimerId RunAt(Instant, io::Task) override { CheckFailed(__FILE__, __LINE__, "a loop with timers", ""); }
  void Cancel(io::TimerId) override {}

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<io::Task> tasks_;
};

}  // namespace metasrv
