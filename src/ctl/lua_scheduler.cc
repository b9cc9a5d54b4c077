#include "ctl/lua_scheduler.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "common/check.h"
#include "ctl/lua_objects.h"

namespace metasrv::ctl {
namespace {

constexpr const char* kTaskType = "metactl.task";
const char kSchedulerKey = 0;  // its address names the scheduler in the registry

Duration Now() {
  return Duration::Micros(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

int Nothing(lua_State*) { return 0; }

int ToText(lua_State* state) {
  luaL_tolstring(state, 1, nullptr);
  return 1;
}

// The error value on top of the dead `coroutine`, with where it happened; made on the stack of `state`.
std::string Traceback(lua_State* state, lua_State* coroutine) {
  lua_pushcfunction(state, &ToText);
  lua_xmove(coroutine, state, 1);
  lua_pcall(state, 1, 1, 0);  // a failing __tostring leaves its own error there
  const char* text = lua_tostring(state, -1);
  luaL_traceback(state, coroutine, text == nullptr ? "an error without a text" : text, 0);
  std::string result = lua_tostring(state, -1);
  lua_pop(state, 2);
  return result;
}

// What a finished task returned; the value is given away.
LuaScheduler::Results TaskResult(int result) {
  return [result](lua_State* to) {
    lua_rawgeti(to, LUA_REGISTRYINDEX, result);
    luaL_unref(to, LUA_REGISTRYINDEX, result);
    return 1;
  };
}

}  // namespace

// What other threads reach. It outlives the scheduler as long as somebody may still complete a wait.
struct LuaScheduler::Inbox {
  struct Event {
    WaitId wait;
    Results results;
  };

  void Post(Event event) {
    const std::lock_guard lock(mutex);
    events.push_back(std::move(event));
    arrived.notify_one();
  }

  // Waits for events until `due`, for ever without one.
  std::vector<Event> Take(std::optional<Duration> due) {
    std::unique_lock lock(mutex);
    const auto any = [this] { return !events.empty(); };
    if (due) {
      arrived.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::microseconds(due->micros())), any);
    } else {
      arrived.wait(lock, any);
    }
    return std::exchange(events, {});
  }

  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<Event> events;
};

struct LuaScheduler::Task {
  lua_State* coroutine = nullptr;
  int anchor = LUA_NOREF;  // keeps the coroutine alive
  int result = LUA_NOREF;  // the first value it returned
  bool is_main = false;
  bool ended = false;
  bool joined = false;
  bool waits = false;
  std::string error;  // of the main task
  std::optional<WaitId> awaited_by;
};

LuaScheduler::LuaScheduler(lua_State* state, std::ostream& errors)
    : state_(state), errors_(errors), origin_(Now()), inbox_(std::make_shared<Inbox>()) {
  lua_pushlightuserdata(state, this);
  lua_rawsetp(state, LUA_REGISTRYINDEX, &kSchedulerKey);
  DefineType<std::shared_ptr<Task>>(state, kTaskType, {{"join", &LuaScheduler::Join}});
}

LuaScheduler::~LuaScheduler() = default;

LuaScheduler& LuaScheduler::Of(lua_State* state) {
  lua_rawgetp(state, LUA_REGISTRYINDEX, &kSchedulerKey);
  auto* scheduler = static_cast<LuaScheduler*>(lua_touserdata(state, -1));
  lua_pop(state, 1);
  return *scheduler;
}

std::expected<void, std::string> LuaScheduler::RunMain() {
  const auto main = MakeTask(state_);
  main->is_main = true;
  ready_.push_front(main);
  while (!main->ended) {
    CHECK(!NothingCanHappen());  // a task is joined at most once and the main task never, so that nobody waits in a
                                 // circle
    TakeEvents(/*block=*/ready_.empty());
    if (ready_.empty()) continue;
    const auto task = std::move(ready_.front());
    ready_.pop_front();
    Run(task);
  }
  if (!main->error.empty()) return std::unexpected(main->error);
  return {};
}

std::shared_ptr<LuaScheduler::Task> LuaScheduler::MakeTask(lua_State* caller) {
  auto task = std::make_shared<Task>();
  task->coroutine = lua_newthread(caller);
  lua_insert(caller, -2);
  lua_xmove(caller, task->coroutine, 1);  // the function
  task->anchor = luaL_ref(caller, LUA_REGISTRYINDEX);
  return task;
}

int LuaScheduler::Spawn(lua_State* caller) {
  auto task = MakeTask(caller);
  ready_.push_back(task);
  PushObject(caller, kTaskType, std::move(task));
  return 1;
}

int LuaScheduler::Await(lua_State* caller, const std::function<void(Complete)>& start) {
  const WaitId wait = next_wait_++;
  ++outstanding_;
  start([wait, inbox = inbox_](Results results) { inbox->Post({wait, std::move(results)}); });
  return WaitFor(caller, wait);
}

int LuaScheduler::Sleep(lua_State* caller, Duration duration) {
  const WaitId wait = next_wait_++;
  timers_.push({Now() + duration, wait});
  return WaitFor(caller, wait);
}

int LuaScheduler::Join(lua_State* caller) {
  auto& scheduler = Of(caller);
  const auto task = CheckObject<std::shared_ptr<Task>>(caller, 1, kTaskType);
  if (std::exchange(task->joined, true)) {
    scheduler.errors_ << "Handle already consumed - task was already awaited" << std::endl;
    lua_pushnil(caller);
    return 1;
  }
  const WaitId wait = scheduler.next_wait_++;
  task->awaited_by = wait;
  if (task->ended) scheduler.Finish(wait, TaskResult(task->result));
  return scheduler.WaitFor(caller, wait);
}

// Waits on the stack of the task itself where Lua allows that. In a coroutine that the script made, or in a callback of
// a library function, the thread itself waits: nobody else could bring the result there.
int LuaScheduler::WaitFor(lua_State* caller, WaitId wait) {
  if (const auto done = finished_.extract(wait)) return done.mapped()(caller);
  if (current_ && current_->coroutine == caller && lua_isyieldable(caller) != 0) {
    current_->waits = true;
    waiting_.emplace(wait, current_);
    return lua_yieldk(caller, 0, static_cast<lua_KContext>(wait), &LuaScheduler::Resumed);
  }
  while (!finished_.contains(wait)) {
    if (timers_.empty() && outstanding_ == 0) {
      return luaL_error(caller, "can not wait for another task in a coroutine or callback of the script's own");
    }
    TakeEvents(/*block=*/true);
  }
  return finished_.extract(wait).mapped()(caller);
}

int LuaScheduler::Resumed(lua_State* caller, int /*status*/, lua_KContext wait) {
  const Results results = std::move(Of(caller).finished_.extract(static_cast<WaitId>(wait)).mapped());
  return results(caller);
}

void LuaScheduler::Run(const std::shared_ptr<Task>& task) {
  current_ = task;
  task->waits = false;
  int results = 0;
  const int status = lua_resume(task->coroutine, nullptr, 0, &results);
  current_.reset();
  if (status != LUA_YIELD) return End(*task, status, results);
  lua_pop(task->coroutine, results);
  if (!task->waits) ready_.push_back(task);  // the script itself yielded
}

void LuaScheduler::End(Task& task, int status, int results) {
  task.ended = true;
  if (status == LUA_OK && results > 0) {
    lua_pushvalue(task.coroutine, -results);
    task.result = luaL_ref(task.coroutine, LUA_REGISTRYINDEX);
  } else if (status != LUA_OK) {
    const std::string error = Traceback(state_, task.coroutine);
    lua_resetthread(task.coroutine);  // closes what the script left to be closed
    if (task.is_main) {
      task.error = error;
    } else {
      errors_ << "Spawned task error: " << error << std::endl;
    }
  }
  luaL_unref(state_, LUA_REGISTRYINDEX, std::exchange(task.anchor, LUA_NOREF));
  task.coroutine = nullptr;
  if (task.awaited_by) Finish(*task.awaited_by, TaskResult(task.result));
}

void LuaScheduler::Finish(WaitId wait, Results results) {
  finished_.emplace(wait, std::move(results));
  if (const auto waiter = waiting_.extract(wait)) ready_.push_back(std::move(waiter.mapped()));
}

bool LuaScheduler::NothingCanHappen() const { return ready_.empty() && timers_.empty() && outstanding_ == 0; }

// Takes what was completed and the timers that are due; with `block` it waits until there is one of them.
void LuaScheduler::TakeEvents(bool block) {
  std::optional<Duration> until;
  if (!block) until = Duration();
  if (block && !timers_.empty()) until = timers_.top().due;
  for (auto& event : inbox_->Take(until)) {
    --outstanding_;
    Finish(event.wait, std::move(event.results));
  }
  for (const Duration now = Now(); !timers_.empty() && timers_.top().due <= now; timers_.pop()) {
    Finish(timers_.top().wait, &Nothing);
  }
}

Duration LuaScheduler::Elapsed() const { return Now() - origin_; }

}  // namespace metasrv::ctl
