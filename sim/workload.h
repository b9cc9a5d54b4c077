#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sim/cluster.h"
#include "sim/command_maker.h"
#include "sim/judges.h"
#include "sim/options.h"
#include "sim/oracle.h"
#include "sim/probes.h"
#include "sim/reading.h"

namespace metasrv::sim {

// Closed-loop clients: each asks one thing at a time, of any node, and gives up after a while. A write that it named is
// then tried again under that name, of any node, however the attempt before ended or will end; anything else never is.
// What becomes of a request is still judged when it is answered later.
class Workload {
 public:
  // Everything borrowed outlives the workload.
  Workload(io::World& world, const RunOptions& options, Cluster& cluster, Judges& judges, Oracle& oracle,
           Probes& probes);

  void Start();
  // No client asks anything more.
  void Stop() { stopped_ = true; }
  // For a while clients ask nothing but short reads, one after the other: of `node`, or of any.
  void OnlyRead(std::optional<NodeId> node, Duration span) { lull_ = {node, world_.now() + span}; }

  // One request outside of the clients' loop, for the liveness check. `done` runs when it was served; not when it
  // failed.
  void WriteOnce(NodeId node, std::function<void()> done);
  void ReadOnce(NodeId node, const ReadPlan& plan, std::function<void()> done);

  void OnNodeDown(NodeId node, std::uint32_t incarnation);
  // Reports requests that a living node has kept for longer than `limit`.
  void JudgeOverdue(Duration limit);
  [[nodiscard]] std::uint64_t pending_count() const { return pending_.size(); }

 private:
  // A write that may be tried again.
  struct Named {
    pb::Command command;
    Oracle::Token first = 0;
    Oracle::Token last = 0;  // whose token the command carries
    NodeId node;             // who was asked last
    std::uint64_t attempts_left = 0;
  };
  struct Client {
    std::uint64_t operations = 0;
    std::uint64_t turn = 0;  // of the request it waits for
    bool waiting = false;
    std::optional<Named> named;  // what it is not done with
  };
  struct Pending {
    NodeId node;
    std::uint32_t incarnation;
    Instant since;
  };
  struct Lull {
    std::optional<NodeId> node;
    Instant until;
  };

  void Think(std::size_t client);
  void Ask(std::size_t client);
  [[nodiscard]] bool InLull() const { return world_.now() < lull_.until; }
  [[nodiscard]] std::optional<NodeId> PickNode(Prng& prng);
  void EndTurn(std::size_t client, std::uint64_t turn, bool served);
  void Write(Client& client, NodeId node, Prng& prng, std::function<void(bool)> done);
  void WriteAgain(Client& client, NodeId node, std::function<void(bool)> done);
  // How long the client waits for the answer to what it asks now.
  [[nodiscard]] Duration Patience(const Client& client, Prng& prng) const;
  Oracle::Token Begin(bool write, NodeId node);
  void SendWrite(NodeId node, pb::Command command, Oracle::Token token, std::function<void(bool)> done);
  [[nodiscard]] pb::Command MakeWrite(Prng& prng, Oracle::Token token, NodeId node);
  void SendRead(NodeId node, const ReadPlan& plan, std::function<void(bool)> done);
  void GoOn(Oracle::Token token, const std::function<void(bool)>& done);
  void FinishRead(Oracle::Token token, const ReadPlan& plan, const ReadSeen& seen);
  void Export(NodeId node, std::uint64_t pause_ms, std::function<void(bool)> done);
  void LearnFrom(const node::WriteResult& result);
  void LearnFrom(const meta::TxnOpResponse& response);
  void CountWrite(const node::WriteResult& result);

  io::World& world_;
  const RunOptions& options_;
  Cluster& cluster_;
  Judges& judges_;
  Oracle& oracle_;
  Probes& probes_;
  CommandMaker maker_;
  std::vector<Client> clients_;
  std::map<Oracle::Token, Pending> pending_;
  std::map<Oracle::Token, Reading> readings_;  // of these, the ones that are being served
  std::uint64_t extra_operations_ = 0;
  Lull lull_;
  bool stopped_ = false;
};

}  // namespace metasrv::sim
