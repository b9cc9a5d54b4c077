#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/clock.h"
#include "io/event_loop.h"
#include "io/real/sleeper.h"

namespace metasrv::io {

// The event loop of a real node: whoever calls Run() lends it a thread, and while that one sleeps, a thread that
// dispatches a task may borrow the loop for it and for what it posts meanwhile. Post, Dispatch and Stop may be called
// from any thread at any time while the object lives; RunAt and Cancel only by tasks of the loop, or before Run().
class ThreadLoop final : public EventLoop {
 public:
  // `clock` must outlive the loop.
  explicit ThreadLoop(const Clock& clock) : clock_(clock) {}
  ThreadLoop(const ThreadLoop&) = delete;
  ThreadLoop& operator=(const ThreadLoop&) = delete;

  // Runs tasks and timers until Stop(); then destroys what has not run, on this thread, and returns. Requires: called
  // once.
  void Run();

  // Makes Run() return after the task that is running. From now on tasks are dropped. Idempotent.
  void Stop();

  void Post(Task task) override;
  void Dispatch(Task task) override;
  bool RunAside(Task& task) override;
  TimerId RunAt(Instant at, Task task) override;
  void Cancel(TimerId timer) override;

 private:
  using TimerKey = std::pair<Instant, TimerId>;

  // Waits for tasks, the next timer or Stop(); false when stopped. Fills `batch_`.
  bool WaitForWork();
  [[nodiscard]] bool HasNothingToDo() const;
  void Sleep(std::unique_lock<std::mutex>& lock);
  // Adds a task of this thread; true when the sleeping loop must be notified.
  [[nodiscard]] bool Add(Task& task);
  void RunHere(Task task);
  void Return();
  [[nodiscard]] Instant NextTimer() const;
  void SetAlarm(Instant at);
  void RunTasks();
  void RunDueTimers();
  void DropEverything();

  const Clock& clock_;

  std::mutex mutex_;
  Sleeper sleeper_;
  std::vector<Task> mailbox_;
  bool waiting_ = false;               // Run() sleeps and has not been notified
  std::optional<Instant> alarm_;       // when the sleeper wakes up by itself, if that is known
  bool borrowed_ = false;              // another thread runs tasks
  std::thread::id borrower_;           // that one
  std::atomic<bool> stopped_ = false;  // written under `mutex_`, so that no wake-up is lost

  // Of the thread that runs tasks only, which changes hands under `mutex_`.
  std::vector<Task> inner_;  // posted by the borrower while it runs
  std::vector<Task> aside_;  // for the borrower, once it has returned the loop
  std::vector<Task> batch_;
  std::map<TimerKey, Task> timers_;  // equal times run in the order they were asked for
  std::unordered_map<TimerId, Instant> timer_times_;
  TimerId last_timer_ = 0;
};

}  // namespace metasrv::io
