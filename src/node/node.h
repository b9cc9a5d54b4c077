#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "common/prng.h"
#include "common/trace.h"
#include "io/clock.h"
#include "io/event_loop.h"
#include "io/log_store.h"
#include "io/transport.h"
#include "node/client_api.h"
#include "node/options.h"
#include "node/watch.h"
#include "sm/machine.h"

namespace metasrv::node {

// The world a node lives in: the real one or the simulated one. Everything outlives the node.
struct Environment {
  io::Clock& clock;
  io::EventLoop& loop;
  io::Transport& transport;
  io::LogStore& log_store;
  sm::Store& state_store;
  TraceSink& trace;
  std::uint64_t random_seed = 0;  // for election timeouts and names; different at every start
  // Called once when the node can not go on (disk error): nothing is acknowledged any more. The process should exit.
  std::function<void(const std::string& reason)> on_fatal;
};

// What applied entries changed, in log order, after the change became readable; for watches and checks.
using ChangeHook = std::function<void(const sm::Applied&)>;

// The state was replaced by a snapshot that ends with `last`: what changed since the last reported entry is not
// reported.
using InstallHook = std::function<void(const LogId& last)>;

// One member of a cluster: Raft, the state machine and everything between them. The same code in production and in the
// simulator; it cannot tell which one it is in. Lives on one event loop: every call below must come from that loop, and
// every callback runs on it. Each accepted request is answered exactly once, also when the node stops.
class Node {
 public:
  // Reads the disk and recovers; `single` on an empty disk bootstraps (export-format.md §10.7).
  // Errors: what the log store or the state made impossible, for the operator.
  [[nodiscard]] static std::expected<std::unique_ptr<Node>, io::Error> Create(const NodeOptions& options,
                                                                              const Environment& environment);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Starts timers and the transport. Called once.
  void Start();

  // Answers everything that waits with kStopped or kUnknown and does nothing more. Idempotent.
  void Stop();

  // Replicates a command; followers pass it on to the leader. `time_ms` is set by the leader.
  void Write(pb::Command command, std::function<void(WriteResult)> done);

  // As Write, but a follower does not pass it on: it answers kNoLeader.
  void WriteHere(pb::Command command, std::function<void(WriteResult)> done);

  // A linearizable view, from any node (thesis §6.4; a follower asks the leader for the index).
  void Read(std::function<void(ReadResult)> done);

  // Watches a range of keys on this node, whatever its role (grpc-api.md §7): `watcher` gets every change from now on,
  // until its End is called or Unwatch. Requires: the range is not empty.
  [[nodiscard]] std::expected<WatchStart, WatchRefusal> Watch(const WatchSpec& spec, std::shared_ptr<Watcher> watcher);
  // `watcher` is not called any more. Unknown ids are ignored.
  void Unwatch(WatchId id);
  // Ends all watches with kStopped and lets none begin: what a stop does first, so that streams end in good order.
  void StopWatches();

  // Serves Join, Leave and Write that came from another node or from the control tool; passes them on at most
  // `request.hops()` times (operations.md §2.2, §2.4).
  void Forward(pb::ForwardRequest request, std::function<void(pb::ForwardReply)> done);

  [[nodiscard]] NodeStatus status() const;
  [[nodiscard]] std::optional<NodeId> leader() const;

  // Frozen view of log and state together.
  [[nodiscard]] ExportSource Export() const;

  // Asks this leader to hand over to `to`, or to the voter that follows it in ascending id order (operations.md §2.5).
  [[nodiscard]] TransferReply TransferLeadership(std::optional<NodeId> to);

  // Prepares a graceful stop: a leader hands over to the best follower, and what was accepted is answered. Calls `done`
  // when that has happened, or at the latest after two election timeouts; Stop may follow. The node serves meanwhile.
  void HandOver(std::function<void()> done);

  // The newest applied state without asking anybody: possibly stale. For node tables, exports and checks.
  [[nodiscard]] std::shared_ptr<const sm::Snapshot> LocalState() const;

  // Flushes the state and purges the log behind it, as is done by itself every snapshot_logs_since_last entries.
  void TriggerSnapshot();

  // The last resort of a voter that has lost its quorum for good: makes it the only one, with everything in its log
  // (docs/OPERATIONS.md, "When the quorum is lost"). `done` gets the reason why not, or nothing.
  void ForceSingleVoter(std::function<void(std::expected<void, std::string>)> done);

  void SetChangeHook(ChangeHook hook);
  void SetInstallHook(InstallHook hook);

  // Join (if asked for and not yet a voter) and registration of this node's addresses, with the retries of
  // config-and-cli.md §5.3 and §6.2. `progress` gets the lines for the operator's terminal; `done` an error text or
  // nothing.
  void JoinAndRegister(std::function<void(const std::string& line)> progress,
                       std::function<void(std::expected<void, std::string>)> done);

  // Consensus internals, for the simulator's invariants.
  [[nodiscard]] const Raft& raft() const;
  [[nodiscard]] NodeId id() const;

 private:
  class Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::node
