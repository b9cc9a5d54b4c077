#include "io/real/thread_loop.h"

#include <algorithm>
#include <utility>

#include "io/real/thread_name.h"

namespace metasrv::io {

void ThreadLoop::Run() {
  NameThisThread("meta-loop");
  while (WaitForWork()) {
    RunTasks();
    RunDueTimers();
  }
  DropEverything();
}

void ThreadLoop::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  sleeper_.Wake();
}

bool ThreadLoop::Add(Task& task) {
  if (stopped_) return false;
  if (borrowed_ && borrower_ == std::this_thread::get_id()) {
    inner_.push_back(std::move(task));
    return false;
  }
  mailbox_.push_back(std::move(task));
  // Once per sleep; a borrower looks into the mailbox when it is done.
  return !borrowed_ && std::exchange(waiting_, false);
}

void ThreadLoop::Post(Task task) {
  // A dropped task is destroyed by the caller's frame, after the lock: its destructor may post again. The notification
  // comes after the lock, too: the woken thread takes it first of all.
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = Add(task);
  }
  if (wake) sleeper_.Wake();
}

void ThreadLoop::Dispatch(Task task) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const bool borrow = waiting_ && !borrowed_ && !stopped_ && mailbox_.empty();
    if (borrow) {
      borrowed_ = true;
      borrower_ = std::this_thread::get_id();
    } else {
      wake = Add(task);
    }
    if (!borrow && !wake) return;
  }
  if (wake) return sleeper_.Wake();
  RunHere(std::move(task));
  std::vector<Task> aside = std::exchange(aside_, {});
  Return();
  for (Task& next : aside) next();
}

// The loop's own thread would keep everybody else from the loop meanwhile. Only the borrower changes these two.
bool ThreadLoop::RunAside(Task& task) {
  if (!borrowed_ || borrower_ != std::this_thread::get_id()) return false;
  aside_.push_back(std::move(task));
  return true;
}

// With what the task posts, and with the timers that are due: the loop's thread would have to be woken for them.
void ThreadLoop::RunHere(Task task) {
  RunDueTimers();
  inner_.push_back(std::move(task));
  std::vector<Task> running;
  while (!inner_.empty() && !stopped_) {
    running.swap(inner_);
    for (Task& next : running) {
      if (stopped_) break;
      // The task dies before the next one runs, as in RunTasks.
      Task current = std::move(next);
      current();
    }
    running.clear();
  }
  inner_.clear();
}

// Gives the loop back to the thread that Run() was called on, and wakes it if there is something to do for it.
void ThreadLoop::Return() {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    borrowed_ = false;
    borrower_ = {};
    wake = waiting_ && (stopped_ || !mailbox_.empty());
    if (wake) waiting_ = false;
    if (waiting_) SetAlarm(NextTimer());
  }
  if (wake) sleeper_.Wake();
}

Instant ThreadLoop::NextTimer() const { return timers_.empty() ? Instant::Never() : timers_.begin()->first.first; }

void ThreadLoop::SetAlarm(Instant at) {
  if (std::exchange(alarm_, at) == at) return;
  sleeper_.SetTimeout(at == Instant::Never() ? std::nullopt : std::optional(at - clock_.Now()));
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
  while (HasNothingToDo()) Sleep(lock);
  batch_.swap(mailbox_);
  return !stopped_;
}

bool ThreadLoop::HasNothingToDo() const {
  if (borrowed_) return true;
  if (stopped_ || !mailbox_.empty()) return false;
  return NextTimer() > clock_.Now();
}

// Until somebody wakes this thread or the next timer is due. While the loop is borrowed its timers are not ours to look
// at; the borrower sets the alarm when it is done.
void ThreadLoop::Sleep(std::unique_lock<std::mutex>& lock) {
  waiting_ = true;
  SetAlarm(borrowed_ ? Instant::Never() : NextTimer());
  lock.unlock();
  const bool timed_out = sleeper_.Sleep();
  lock.lock();
  waiting_ = false;
  if (timed_out) alarm_.reset();
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
