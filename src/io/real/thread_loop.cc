#include "io/real/thread_loop.h"

#include <chrono>

namespace metasrv::io {

void ThreadLoop::Run() {
  while (WaitForWork()) {
    RunTasks();
    RunDueTimers();
  }
  DropEverything();
}

void ThreadLoop::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  wake_.notify_all();
}

void ThreadLoop::Post(Task task) {
  // A dropped task is destroyed by the caller's frame, after the lock: its destructor may post again.
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  mailbox_.push_back(std::move(task));
  if (waiting_) wake_.notify_one();
}

TimerId ThreadLoop::RunAt(Instant at, Task task) {
  const TimerId id = ++last_timer_;
  timers_.emplace(TimerKey{at, id}, std::move(task));
  timer_times_.emplace(id, at);
  return id;
}

void ThreadLoop::Cancel(TimerId timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  auto dropped = timers_.extract(TimerKey{found->second, timer});
  timer_times_.erase(found);
}

bool ThreadLoop::WaitForWork() {
  std::unique_lock lock(mutex_);
  if (!stopped_ && mailbox_.empty()) {
    waiting_ = true;
    WaitUntilDue(lock);
    waiting_ = false;
  }
  batch_.swap(mailbox_);
  return !stopped_;
}

void ThreadLoop::WaitUntilDue(std::unique_lock<std::mutex>& lock) {
  const auto something_to_do = [this] { return stopped_ || !mailbox_.empty(); };
  if (timers_.empty() || timers_.begin()->first.first == Instant::Never()) {
    wake_.wait(lock, something_to_do);
    return;
  }
  const Duration left = timers_.begin()->first.first - clock_.Now();
  if (left > Duration()) wake_.wait_for(lock, std::chrono::microseconds(left.micros()), something_to_do);
}

void ThreadLoop::RunTasks() {
  for (Task& task : batch_) {
    if (stopped_) break;
    // The task dies before the next one runs, as its captures may be what the next one waits for.
    Task current = std::move(task);
    current();
  }
  batch_.clear();
}

void ThreadLoop::RunDueTimers() {
  if (timers_.empty()) return;
  // One reading of the clock: a timer that asks for "now" again waits for the next round and cannot starve the mailbox.
  const TimerKey limit{clock_.Now(), last_timer_};
  while (!timers_.empty() && timers_.begin()->first <= limit && !stopped_) {
    auto due = timers_.extract(timers_.begin());
    timer_times_.erase(due.key().second);
    due.mapped()();
  }
}

void ThreadLoop::DropEverything() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(mailbox_);
  }
  batch_.clear();
  timer_times_.clear();
  timers_.clear();
}

}  // namespace metasrv::io
