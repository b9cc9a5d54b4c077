#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/sim/sim_machine.h"
#include "io/sim/trace_ring.h"
#include "node/node.h"
#include "sim/judges.h"
#include "sim/observed_log_store.h"
#include "sim/observed_state_store.h"
#include "sim/options.h"
#include "sim/probes.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kRestartable = {
    "every disk opens", "A node can be started from whatever a crash left on its disk.", "docs/STORAGE.md"};

// The nodes of one run: production nodes on simulated machines, formed the way an operator forms a cluster (the first
// alone, the others join). Machines outlive crashes. All calls come from events of the harness.
class Cluster {
 public:
  // Everything borrowed outlives the cluster, but `restored`: the disks that its machines start with, if not null.
  Cluster(io::World& world, const RunOptions& options, Judges& judges, Verdict& verdict, Probes& probes,
          const Restored* restored = nullptr);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // --- Life and death ---
  // Powers the machine on and starts its node, which joins if it is no member yet. Nothing when it runs or is to stay
  // down.
  void Start(NodeId id);
  // Cuts the power at once: what was not durable is lost. Nothing when the node does not run.
  void Crash(NodeId id);
  // Kills the process at once; what it issued still reaches the disk. Nothing when the node does not run.
  void Kill(NodeId id);
  // Stops the node in good order and at once.
  void Stop(NodeId id);
  // Stops the node as SIGTERM does: it hands leadership over first. `then` runs when it has stopped; not when it goes
  // down otherwise meanwhile.
  void StopGracefully(NodeId id, std::function<void()> then);
  // It is about to stop gracefully.
  [[nodiscard]] bool Stopping(NodeId id) const { return At(id).stopping; }
  // An operator removes `id` from the cluster, asking `via`. From now on `id` may or may not be a member; it never
  // joins again.
  void Leave(NodeId id, NodeId via);
  // An operator lets a node join that does not exist, asking `via`. Requires: Running(via).
  void JoinPhantom(NodeId via);
  // ... and takes it out again, when it did not go by itself.
  void RemovePhantom(NodeId via);
  // An operator starts a removed node again, on its old disk, so that it joins anew. Requires: Left(id).
  void Rejoin(NodeId id);
  // Puts an empty disk into the machine of a node that is down; it then starts with join. The old one is kept.
  void WipeDisk(NodeId id);
  // Puts the disk that was taken out last back in. Requires: the node is down, HasOldDisk(id).
  void ReturnOldDisk(NodeId id);
  [[nodiscard]] bool HasOldDisk(NodeId id) const { return At(id).old_disk.has_value(); }
  // The loss of the node's disk is one that the cluster promises to survive, and nobody's departure is under way.
  [[nodiscard]] bool MayLoseDisk(NodeId id) const;
  // Some node has an empty disk and is not back yet.
  [[nodiscard]] bool AwaitsRefill() const;
  // From now on the node stays down once it is down.
  void KeepDown(NodeId id) { At(id).keep_down = true; }
  // Told of every node that goes down, with the incarnation that ended.
  using DownListener = std::function<void(NodeId id, std::uint32_t incarnation)>;
  void SetDownListener(DownListener listener) { on_down_ = std::move(listener); }
  // Told of every trace event, inside the node's step.
  void SetTraceListener(io::SimTrace::Observer listener) { on_trace_ = std::move(listener); }

  // Changes a record of the node's state behind its back; `which` picks it. False when there is none.
  bool Rot(NodeId id, std::uint64_t which);
  [[nodiscard]] bool AnyRotten() const { return judges_.AnyRotten(); }

  // --- What there is ---
  [[nodiscard]] const std::vector<NodeId>& ids() const { return ids_; }
  [[nodiscard]] bool Running(NodeId id) const { return At(id).node != nullptr; }
  // The number of entries that its state contains, as the rows say. Requires: Running(id).
  [[nodiscard]] LogIndex ReadableEnd(NodeId id) const;
  // Null when it does not run.
  [[nodiscard]] node::Node* Find(NodeId id) { return At(id).node.get(); }
  [[nodiscard]] std::uint32_t Incarnation(NodeId id) const { return At(id).incarnation; }
  // The node has joined and registered in its present life.
  [[nodiscard]] bool Ready(NodeId id) const { return At(id).ready; }
  // The node has joined at some time.
  [[nodiscard]] bool EverJoined(NodeId id) const { return At(id).ever_joined; }
  [[nodiscard]] bool LearnsOnly(NodeId id) const;
  // Somebody asked for its removal, after it had joined.
  [[nodiscard]] bool Leaving(NodeId id) const { return At(id).leaving; }
  // Its removal was confirmed.
  [[nodiscard]] bool Left(NodeId id) const { return At(id).left; }
  [[nodiscard]] io::SimMachine& machine(NodeId id) { return *At(id).machine; }
  [[nodiscard]] io::SimNetwork& network() { return network_; }
  // The running leader of the highest term.
  [[nodiscard]] std::optional<NodeId> Leader() const;

  // --- Requests, as if they came in over the node's client port. Answered only while that incarnation lives. ---
  void Write(NodeId id, pb::Command command, std::function<void(const node::WriteResult&)> done);
  void Read(NodeId id, std::function<void(const node::ReadResult&)> done);
  void Export(NodeId id, std::function<void(node::ExportSource)> done);

 private:
  struct Member {
    NodeId id;
    std::unique_ptr<io::SimMachine> machine;
    std::unique_ptr<ObservedLogStore> log_store;
    std::unique_ptr<ObservedStateStore> state_store;
    std::unique_ptr<node::Node> node;
    std::uint32_t incarnation = 0;
    Instant down_since;
    bool ready = false;
    bool ever_joined = false;
    bool leaving = false;
    std::uint32_t open_leaves = 0;  // asked for, and it is not known how they ended
    std::uint32_t rejoin_count = 0;
    bool left = false;
    bool rejoins = false;
    bool keep_down = false;
    bool stopping = false;
    bool wiped = false;  // at some time
    bool old_disk_in = false;
    bool disk_refused = false;  // it is emptied before the next start
    std::optional<io::DiskImage> old_disk;
  };

  [[nodiscard]] Member& At(NodeId id) { return members_.at(id); }
  [[nodiscard]] const Member& At(NodeId id) const { return members_.at(id); }
  void AddMachine(NodeId id);
  // Sends a request as it would come in over the node's raft port.
  void AskAsOperator(NodeId via, pb::ForwardRequest request, std::function<void(const pb::ForwardReply&)> done);
  void CountCrash(NodeId id);
  // A store that opens makes what it finds durable first: waits until what the last life issued has reached the disk.
  [[nodiscard]] bool DiskSettled(Member& member);
  void OpenDisk(Member& member);
  void CreateNode(Member& member);
  void Join(Member& member);
  void OnJoined(Member& member);
  void OnNotJoined(Member& member);
  void WatchOldDisk(NodeId id);
  // Every node starts with the same entry, as after an import: all are members and no disk is recorded.
  void Import(Member& member);
  // The running leader has `id` in its membership.
  [[nodiscard]] bool LeaderCounts(NodeId id) const;
  // The running leader's membership is committed, and `id` is not in it.
  [[nodiscard]] bool LeaderDropped(NodeId id) const;
  void TakeDown(Member& member);
  // Lets a supervisor start the node again in a moment.
  void RestartSoon(NodeId id, std::uint32_t incarnation);

  io::World& world_;
  const RunOptions& options_;
  Judges& judges_;
  Verdict& verdict_;
  Probes& probes_;
  io::SimNetwork network_;
  io::SimTrace trace_;
  std::vector<NodeId> ids_;
  std::map<NodeId, Member> members_;
  DownListener on_down_;
  io::SimTrace::Observer on_trace_;
};

// Where node `id` is reached.
[[nodiscard]] Endpoint EndpointOf(NodeId id);

}  // namespace metasrv::sim
