#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/sim/world.h"
#include "node/watch_queue.h"
#include "sim/cluster.h"
#include "sim/invariants/watch_history.h"
#include "sim/judges.h"
#include "sim/options.h"
#include "sim/probes.h"
#include "sim/verdict.h"
#include "sim/workload.h"

namespace metasrv::sim {

// The clients that watch: each opens a watch of some keys on some node, takes its messages at its own pace, and opens
// another one when that has ended or was given up. A judge follows every message.
class WatchClients {
 public:
  // Everything borrowed outlives this.
  WatchClients(io::World& world, const RunOptions& options, Cluster& cluster, Judges& judges, Workload& workload,
               Verdict& verdict, Probes& probes);
  ~WatchClients();
  WatchClients(const WatchClients&) = delete;
  WatchClients& operator=(const WatchClients&) = delete;

  void Start();
  // No watch is opened or given up from now on.
  void Stop() { stopped_ = true; }
  void OnNodeDown(NodeId node, std::uint32_t incarnation);
  // Nobody writes any more: whoever still watches has been told everything.
  void JudgeAtRest();

 private:
  class Session;
  struct Client {
    std::uint64_t turns = 0;
    std::shared_ptr<Session> session;  // of this turn, once it has begun
  };
  struct Plan;

  void Pause(std::size_t client);
  void Open(std::size_t client);
  // Asks the node for the watch, on its loop. Nothing when the turn is over or the watch has begun.
  void Begin(std::size_t client, std::uint64_t turn, const Plan& plan);
  void NoteBegin(const Plan& plan, LogIndex start);
  void GiveUp(std::size_t client, std::uint64_t turn);
  void EndTurn(std::size_t client);
  void NoteEnd(node::WatchEnd end);

  io::World& world_;
  const RunOptions& options_;
  Cluster& cluster_;
  Judges& judges_;
  Workload& workload_;
  Verdict& verdict_;
  Probes& probes_;
  std::vector<Client> clients_;
  bool stopped_ = false;
};

}  // namespace metasrv::sim
