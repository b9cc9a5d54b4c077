#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <queue>
#include <string>
#include <vector>

#include <lua.hpp>

#include "common/time.h"

namespace metasrv::ctl {

// Tasks of one Lua state, cooperatively on one thread (metactl.md §5.1): a task runs until it waits. Used on that
// thread only, except for what Await hands out.
class LuaScheduler {
 public:
  // What a wait ends with: pushes the results and returns how many. Called on the scheduler's thread.
  using Results = std::function<int(lua_State*)>;
  // Ends a wait; from any thread, at most once, also when the scheduler is gone.
  using Complete = std::function<void(Results)>;

  // `errors` gets what must be said about failed tasks.
  LuaScheduler(lua_State* state, std::ostream& errors);
  ~LuaScheduler();
  LuaScheduler(const LuaScheduler&) = delete;
  LuaScheduler& operator=(const LuaScheduler&) = delete;

  // The scheduler of a state that has one.
  [[nodiscard]] static LuaScheduler& Of(lua_State* state);

  // Runs the function on top of the stack, and the other tasks while it waits, until it has returned.
  // Errors: message with traceback.
  [[nodiscard]] std::expected<void, std::string> RunMain();

  // The following are for C functions called from Lua and return what these return; they must be called last.

  // Starts something and waits until it was completed.
  int Await(lua_State* caller, const std::function<void(Complete)>& start);
  int Sleep(lua_State* caller, Duration duration);
  // Makes a task of the function on top of the stack of `caller`; it starts when another one waits.
  int Spawn(lua_State* caller);

  // Monotonic time since the scheduler was made.
  [[nodiscard]] Duration Elapsed() const;

 private:
  using WaitId = std::uint64_t;
  struct Inbox;
  struct Task;
  struct Timer {
    Duration due;
    WaitId wait;
    friend bool operator>(const Timer& a, const Timer& b) { return a.due > b.due; }
  };

  static int Join(lua_State* caller);
  static int Resumed(lua_State* caller, int status, lua_KContext wait);

  std::shared_ptr<Task> MakeTask(lua_State* caller);
  int WaitFor(lua_State* caller, WaitId wait);
  void Run(const std::shared_ptr<Task>& task);
  void End(Task& task, int status, int results);
  void Finish(WaitId wait, Results results);
  [[nodiscard]] bool NothingCanHappen() const;
  void TakeEvents(bool block);

  lua_State* const state_;
  std::ostream& errors_;
  const Duration origin_;
  const std::shared_ptr<Inbox> inbox_;
  std::shared_ptr<Task> current_;
  std::deque<std::shared_ptr<Task>> ready_;
  std::map<WaitId, std::shared_ptr<Task>> waiting_;
  std::map<WaitId, Results> finished_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  WaitId next_wait_ = 1;
  std::uint64_t outstanding_ = 0;  // started, not yet completed
};

}  // namespace metasrv::ctl
