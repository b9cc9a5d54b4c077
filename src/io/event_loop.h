#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "common/time.h"

namespace metasrv::io {

// Names a pending timer of one loop; 0 is never used.
using TimerId = std::uint64_t;
using Task = std::move_only_function<void()>;

// What a node runs on, and the only scheduler there is. Tasks run one at a time; tasks posted from one thread
// run in the order they were posted; timers run at or after their time on the loop's clock.
class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // Runs `task` on the loop, soon. Thread-safe. A loop that is stopping drops the task.
  virtual void Post(Task task) = 0;

  // As Post, but when the loop has nothing to do, `task` may run at once, on the calling thread, which saves waking
  // another one. Requires: the caller holds no lock that tasks may take, and tasks do not wait for the calling thread.
  virtual void Dispatch(Task task) { Post(std::move(task)); }

  // Takes `task`, to be run off the loop by the thread that runs the present task, as soon as that one has let go of
  // the loop: for waiting without waking another thread. False, and nothing was taken, when this thread has to stay
  // with the loop. Requires: called on the loop.
  virtual bool RunAside(Task& /*task*/) { return false; }

  // Runs `task` on the loop once `at` has been reached on the node's Clock. Requires: called on the loop.
  virtual TimerId RunAt(Instant at, Task task) = 0;

  // Forgets a timer that has not run yet; unknown ids are ignored. Requires: called on the loop.
  virtual void Cancel(TimerId timer) = 0;
};

}  // namespace metasrv::io
