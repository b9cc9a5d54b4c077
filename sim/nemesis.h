#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "common/trace.h"
#include "sim/churn.h"
#include "sim/cluster.h"
#include "sim/options.h"
#include "sim/probes.h"
#include "sim/workload.h"

namespace metasrv::sim {

// Injects the faults of a run: some over time, some right after a node reached an interesting state. Every decision is
// drawn by name, and every fault ends by itself after a while; EndAll ends the rest.
class Nemesis {
 public:
  // Everything borrowed outlives the nemesis.
  Nemesis(io::World& world, const RunOptions& options, Cluster& cluster, Workload& workload, Probes& probes);

  void Start();
  // No new faults; those that last are ended: the network is whole, disks are fast, nobody is paused. Who is down stays
  // down.
  void EndAll();

  // Inside a node's step.
  void OnTrace(NodeId node, const TraceEvent& event);

 private:
  using Action = void (Nemesis::*)();

  // Runs `action` again and again, `every_ms` apart on average; 0: never.
  void Every(const io::DrawKind& kind, std::uint64_t every_ms, Action action);
  // Runs `task` unless the faults have ended by then.
  void Later(Duration delay, std::function<void()> task);
  [[nodiscard]] std::uint64_t Draw(const io::DrawKind& kind, std::uint64_t low, std::uint64_t high);
  [[nodiscard]] Duration DrawSpan(const io::DrawKind& kind, std::uint64_t max_ms);
  [[nodiscard]] NodeId DrawNode(const io::DrawKind& kind);

  void CrashOne();
  void CrashAll();
  void PauseOne();
  void IsolateOne();
  void IsolateLeader();
  void CutHalves();
  void CutOneWay();
  void CutToBridge();
  void ClogLink();
  void SlowDisk();
  [[nodiscard]] std::uint64_t SlowdownMax() const;
  void FailDisk();
  void JumpClock();
  void FillDisk();
  void FreezeOne();
  void TriggerSnapshot();
  void RemoveNode();
  void RotState();  // nemesis_transfer.cc
  void TransferLeadership();
  void StopLeader();
  void StallDisk();
  void HoldAnswers();
  void RestartVoters();
  void RestartVotersOf(NodeId leader, NodeId campaigner);
  void OvertakeLoad(NodeId node);
  void OnTransferStarted(NodeId leader, NodeId target);
  void IsolateGiver(NodeId leader);
  void ChurnStep() { churn_.Step(); }
  void JoinPhantom() { churn_.JoinPhantom(); }
  void WipeDisk();       // nemesis_disks.cc
  void ReturnOldDisk();  // nemesis_disks.cc
  void ForgeMessage();   // nemesis_disks.cc

  void TakeDown(NodeId node);
  void Isolate(NodeId node);
  // Cuts every pair for which `apart` holds, for a while, or for `span`.
  void CutPairs(const std::function<bool(NodeId, NodeId)>& apart) { CutPairs(apart, DrawCut()); }
  void CutPairs(const std::function<bool(NodeId, NodeId)>& apart, Duration span);
  [[nodiscard]] Duration DrawCut();
  // Which half of a cut the node is in; bits of `side` by place among the ids.
  [[nodiscard]] bool OnSide(std::uint64_t side, NodeId id) const;
  // Long enough for whoever is left to elect somebody.
  [[nodiscard]] Duration LongCut() const;

  // With probability `ppm`, `fault` hits `node` within the trigger delay.
  void Trigger(const io::DrawKind& kind, std::uint64_t ppm, Probe probe, NodeId node, void (Nemesis::*fault)(NodeId));
  void OnDiskStep(NodeId node, io::DiskStep step);
  // nemesis_transfer.cc: faults on the pieces of a snapshot.
  void WatchTransfers();
  void OnChunk(const io::Packet& packet);
  void ChangeSender();
  void LoseSender(NodeId from, NodeId to);
  void DamageChunk(const io::Packet& packet, std::string& bytes);
  [[nodiscard]] bool Leads(NodeId node);

  io::World& world_;
  const RunOptions& options_;
  Cluster& cluster_;
  Workload& workload_;
  Probes& probes_;
  Churn churn_;
  Instant sender_changed_at_;      // the last change of a sender is over
  std::optional<NodeId> filled_;   // it loses its sender
  std::uint64_t pieces_left_ = 0;  // ... after so many pieces
  bool active_ = false;
};

}  // namespace metasrv::sim
