#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "common/check.h"
#include "io/event_loop.h"
#include "io/real/os_clock.h"

namespace metasrv::test {

// An event loop over the real clock that runs on the test's own thread, while the test asks it to; what other threads
// post waits until then.
class PumpLoop final : public io::EventLoop {
 public:
  // Runs tasks and timers until `done()` holds, waiting for more when there are none. A wait without end is a bug of
  // the code under test and aborts.
  void RunUntil(const std::function<bool()>& done) {
    while (!done()) {
      std::vector<io::Task> batch = TakeReady();
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
  io::TimerId RunAt(Instant at, io::Task task) override {
    timers_.emplace(std::pair(at, ++last_timer_), std::move(task));
    return last_timer_;
  }
  void Cancel(io::TimerId timer) override {
    std::erase_if(timers_, [timer](const auto& item) { return item.first.second == timer; });
  }

  // Forgets what has not run, as the death of a process does.
  void Clear() {
    timers_.clear();
    const std::lock_guard lock(mutex_);
    tasks_.clear();
  }

  [[nodiscard]] const io::Clock& clock() const { return clock_; }

 private:
  std::vector<io::Task> TakeReady() {
    std::vector<io::Task> ready;
    {
      std::unique_lock lock(mutex_);
      const bool posted = wake_.wait_for(lock, TimeToNextTimer(), [this] { return !tasks_.empty(); });
      CHECK(posted || !timers_.empty());
      ready.swap(tasks_);
    }
    while (!timers_.empty() && timers_.begin()->first.first <= clock_.Now()) {
      ready.push_back(std::move(timers_.extract(timers_.begin()).mapped()));
    }
    return ready;
  }
  [[nodiscard]] std::chrono::microseconds TimeToNextTimer() const {
    constexpr std::chrono::seconds kHang(120);
    if (timers_.empty()) return kHang;
    return std::chrono::microseconds((timers_.begin()->first.first - clock_.Now()).micros());
  }

  io::OsClock clock_;
  std::map<std::pair<Instant, io::TimerId>, io::Task> timers_;
  io::TimerId last_timer_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<io::Task> tasks_;
};

}  // namespace metasrv::test
