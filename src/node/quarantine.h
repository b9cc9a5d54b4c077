#pragma once

#include <functional>
#include <string>

#include "node/context.h"
#include "node/pump.h"
#include "sm/machine.h"

namespace metasrv::node {

// A node whose state is wrong (docs/decisions/0022): it serves no read, does not lead and applies nothing, but keeps
// its log and its votes, and asks the leader for a snapshot until one has replaced the state. Survives restarts: the
// mark is a row of the wrong state itself, and goes with it.
class Quarantine {
 public:
  using AskLeader = std::function<void(NodeId leader)>;

  Quarantine(Context& context, Pump& pump, sm::Machine& machine, AskLeader ask_leader);

  // Goes on with what an earlier life found. Requires: the pump has started.
  void Start();
  void Stop() { ask_again_.Cancel(); }

  // The state is wrong, from now on until Leave().
  void Enter(const std::string& reason);
  // The state was replaced.
  void Leave();

  [[nodiscard]] bool active() const { return active_; }

 private:
  void Apply(const std::string& reason, bool after_restart);
  void Ask();

  Context& context_;
  Pump& pump_;
  sm::Machine& machine_;
  AskLeader ask_leader_;
  Timer ask_again_;
  bool active_ = false;
};

}  // namespace metasrv::node
