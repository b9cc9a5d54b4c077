#pragma once

#include <memory>
#include <string>
#include <utility>

#include "node/node.h"

namespace metasrv::node {

// Ties callbacks that others keep (stores, transport, loop) to the life of the node: after End() they do nothing.
class Lifetime {
 public:
  template <class F>
  [[nodiscard]] auto Guard(F function) const {
    return [alive = std::weak_ptr<const char>(token_), function = std::move(function)](auto&&... args) mutable {
      if (!alive.expired()) function(std::forward<decltype(args)>(args)...);
    };
  }
  [[nodiscard]] std::weak_ptr<const char> Watch() const { return token_; }
  void End() { token_.reset(); }

 private:
  std::shared_ptr<const char> token_ = std::make_shared<const char>('\0');
};

// One timer that a component owns: setting replaces, destruction forgets.
class Timer {
 public:
  explicit Timer(io::EventLoop& loop) : loop_(loop) {}
  ~Timer() { Cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void Set(Instant at, io::Task task) {
    Cancel();
    at_ = at;
    id_ = loop_.RunAt(at, [this, task = std::move(task)]() mutable {
      id_ = 0;
      task();
    });
  }

  // Sets the timer unless it already fires at or before `at`.
  void SetAtLatest(Instant at, io::Task task) {
    if (id_ == 0 || at < at_) Set(at, std::move(task));
  }

  void Cancel() {
    if (id_ != 0) loop_.Cancel(std::exchange(id_, 0));
  }

 private:
  io::EventLoop& loop_;
  io::TimerId id_ = 0;
  Instant at_;
};

// What every part of one node may use. Outlives the parts.
struct Context {
  NodeOptions options;  // options.raft.id is the effective id
  Environment env;
  Lifetime lifetime;

  [[nodiscard]] NodeId id() const { return options.raft.id; }
  [[nodiscard]] Instant Now() const { return env.clock.Now(); }
  void Info(std::string text) const { Emit({TraceKind::kInfo, 0, 0, std::move(text)}); }
  void Warn(std::string text) const { Emit({TraceKind::kWarning, 0, 0, std::move(text)}); }
  void Emit(const TraceEvent& event) const { env.trace.Emit(id(), event); }
  // `stage` began at `start` and has just ended.
  void Measure(Stage stage, Instant start) const { env.trace.Measure(id(), stage, id(), Now() - start); }
};

}  // namespace metasrv::node
