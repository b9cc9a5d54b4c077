// Faults and operators' acts around leadership: transfers to good and bad targets, graceful stops, hanging disks.
#include <utility>
#include <vector>

#include "sim/nemesis.h"

namespace metasrv::sim {
namespace {

constexpr io::DrawKind kVia("leadership.via");
constexpr io::DrawKind kTarget("leadership.target");
constexpr io::DrawKind kHow("leadership.how");
constexpr io::DrawKind kDown("leadership.down");
constexpr io::DrawKind kStall("leadership.stall");
constexpr io::DrawKind kHold("leadership.hold");
constexpr io::DrawKind kWrites("leadership.writes");

}  // namespace

// Asks the leader, or somebody who is not, for a transfer to anybody: dead, cut off, learning or behind.
void Nemesis::TransferLeadership() {
  NodeId via = DrawNode(kVia);
  const auto leader = cluster_.Leader();
  if (leader && Draw(kHow, 0, 9) != 0) via = *leader;
  if (!cluster_.Running(via) || world_.Paused(via)) return;
  const std::optional<NodeId> to = Draw(kHow, 0, 2) == 0 ? std::nullopt : std::optional(DrawNode(kTarget));
  const node::TransferReply reply = cluster_.Find(via)->TransferLeadership(to);
  probes_.Hit(reply.status == node::TransferStatus::kStarted ? Probe::k_transfer_accepted : Probe::k_transfer_refused);
}

void Nemesis::StopLeader() {
  const auto leader = cluster_.Leader();
  if (!leader || world_.Paused(*leader)) return;
  const NodeId node = *leader;
  cluster_.StopGracefully(node, [this, node] {
    world_.After(DrawSpan(kDown, options_.down_max_ms), [this, node] { cluster_.Start(node); });
  });
}

// Mostly the leader's: it is the one that owes the others an answer.
void Nemesis::StallDisk() {
  NodeId node = DrawNode(kVia);
  const auto leader = cluster_.Leader();
  if (leader && Draw(kHow, 0, 3) != 0) node = *leader;
  io::SimDisk& disk = cluster_.machine(node).disk();
  probes_.Hit(Probe::k_disk_stalled);
  disk.SetStalled(true);
  Later(DrawSpan(kStall, options_.stall_max_ms), [&disk] { disk.SetStalled(false); });
}

Duration Nemesis::LongCut() const { return Duration::Millis(static_cast<std::int64_t>(2 * options_.election_max_ms)); }

// Somebody who does not hear the leader campaigns all the time; the others refuse it, since they have just answered the
// leader. They restart, and from then on the leader is alone: what they answered before still binds them. Mostly nobody
// writes meanwhile, so that whoever campaigns is not behind, and clients read from the leader all the time.
void Nemesis::RestartVoters() {
  const auto leader = cluster_.Leader();
  if (!leader || cluster_.ids().size() < 3) return;
  const NodeId node = *leader;
  std::vector<NodeId> others = cluster_.ids();
  std::erase(others, node);
  const NodeId campaigner = others[Draw(kTarget, 0, others.size() - 1)];
  if (Draw(kWrites, 0, 3) == 0) return RestartVotersOf(node, campaigner);
  const auto settled = Duration::Millis(static_cast<std::int64_t>(options_.election_min_ms));
  workload_.OnlyRead(node, settled + LongCut() * 2);
  Later(settled, [this, node, campaigner] { RestartVotersOf(node, campaigner); });
}

void Nemesis::RestartVotersOf(NodeId leader, NodeId campaigner) {
  std::vector<NodeId> others = cluster_.ids();
  std::erase(others, leader);
  std::erase(others, campaigner);
  CutPairs([leader, campaigner](
               NodeId a, NodeId b) { return (a == leader && b == campaigner) || (a == campaigner && b == leader); },
           LongCut() * 3);
  Later(LongCut(), [this, leader, others = std::move(others)] {
    probes_.Hit(Probe::k_voters_restarted);
    CutPairs([leader](NodeId a, NodeId b) { return a == leader || b == leader; }, LongCut());
    for (const NodeId voter : others) {
      cluster_.Crash(voter);
      world_.After(Duration::Millis(1), [this, voter] { cluster_.Start(voter); });
    }
  });
}

// What a leader reads back from its log comes when it has heard of another leader, who has other entries there.
void Nemesis::OvertakeLoad(NodeId node) {
  probes_.Hit(Probe::k_load_held);
  io::SimDisk& disk = cluster_.machine(node).disk();
  disk.SetReadsHeld(true);
  Later(Duration(),
        [this, node] { CutPairs([node](NodeId a, NodeId b) { return a == node || b == node; }, LongCut()); });
  Later(LongCut() + LongCut(), [&disk] { disk.SetReadsHeld(false); });
}

// A round reaches everybody, its answers come just before the leader would give up, and after that it is alone:
// whatever they confirm began when the round was sent (thesis §6.4.1).
void Nemesis::HoldAnswers() {
  const auto leader = cluster_.Leader();
  if (!leader) return;
  probes_.Hit(Probe::k_answers_held);
  const NodeId node = *leader;
  for (const NodeId other : cluster_.ids()) {
    if (other != node) cluster_.network().ClogOneWay(other, node);
  }
  const Duration alone = LongCut();
  Later(Duration::Millis(static_cast<std::int64_t>(options_.heartbeat_ms)),
        [this, node, alone] { CutPairs([node](NodeId a, NodeId) { return a == node; }, alone); });
  const auto hold = Draw(kHold, options_.heartbeat_ms, options_.election_min_ms);
  Later(Duration::Millis(static_cast<std::int64_t>(hold)), [this, node, alone] {
    for (const NodeId other : cluster_.ids()) {
      if (other != node) cluster_.network().ClogOneWay(other, node, false);
    }
    CutPairs([node](NodeId, NodeId b) { return b == node; }, alone);
  });
}

void Nemesis::OnTransferStarted(NodeId leader, NodeId target) {
  constexpr io::DrawKind kIsolateTarget("trigger.isolate_target");
  constexpr io::DrawKind kIsolateGiver("trigger.isolate_giver");
  if (cluster_.Running(target)) {
    Trigger(kIsolateTarget, options_.isolate_after_transfer_ppm, Probe::k_isolate_after_transfer, target,
            &Nemesis::Isolate);
  }
  Trigger(kIsolateGiver, options_.isolate_after_transfer_ppm, Probe::k_isolate_after_transfer, leader,
          &Nemesis::IsolateGiver);
}

// Clients go on reading from it: what it knows is soon out of date.
void Nemesis::IsolateGiver(NodeId leader) {
  workload_.OnlyRead(leader, LongCut());
  Isolate(leader);
}

}  // namespace metasrv::sim
