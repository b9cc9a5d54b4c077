#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "node/addresses.h"
#include "node/forward.h"
#include "node/pump.h"
#include "sm/machine.h"

namespace metasrv::node {

// The command that records this node's addresses in the node table.
[[nodiscard]] pb::Command AddSelf(const NodeOptions& options, bool overriding);

// What a process does between opening its ports and being a member: ask for admission, when that was configured, then
// publish its addresses (config-and-cli.md §6.2, §5.3). Runs once, on timers.
class Startup {
 public:
  using Progress = std::function<void(const std::string& line)>;
  using Done = std::function<void(std::expected<void, std::string>)>;

  Startup(Context& context, Pump& pump, const sm::Machine& machine, const Addresses& addresses, Forwarder& forwarder);

  void Run(Progress progress, Done done);
  // While held, Run waits: the first entries of a new cluster come first.
  void Hold() { held_ = true; }
  void Release();
  // Leadership may have changed.
  void OnView(const RaftView& view);
  void Stop();

 private:
  void Begin();

  // Joining.
  [[nodiscard]] std::string ReasonNotToJoin() const;
  void JoinNext();
  void JoinAttempt();
  void OnJoinReply(io::CallEnd end, const std::string& bytes);
  void OnJoinFailed(const std::string& error, bool retry);

  // Registering.
  void StartRegistering();
  void AwaitLeader();
  void Register();
  void OnRegistered(const Outcome& outcome);
  void RetryRegistering(const std::string& error);
  void OnTimeout();

  void Finish(std::expected<void, std::string> result);
  void After(Duration pause, void (Startup::*step)());

  enum class Stage : std::uint8_t { kIdle, kHeld, kJoining, kAwaitingLeader, kRegistering, kDone };

  Context& context_;
  Pump& pump_;
  const sm::Machine& machine_;
  const Addresses& addresses_;
  Forwarder& forwarder_;
  Timer step_;
  Timer timeout_;
  Progress progress_;
  Done done_;
  Stage stage_ = Stage::kIdle;
  bool held_ = false;
  std::size_t join_at_ = 0;  // position in options.join
  int attempts_ = 0;         // at that address
  std::vector<std::string> join_errors_;
  std::string last_error_;  // of registering
  Duration pause_;
};

}  // namespace metasrv::node
