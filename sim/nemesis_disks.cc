// Disks that are lost or exchanged, and messages of another cluster.
#include "consensus/core.h"
#include "peer.pb.h"
#include "sim/invariants/recorded_disks.h"
#include "sim/nemesis.h"

namespace metasrv::sim {
namespace {

constexpr io::DrawKind kDiskVictim("nemesis.disk_victim");
constexpr io::DrawKind kDiskDown("nemesis.disk_down");
constexpr io::DrawKind kForgedFrom("nemesis.forged_from");
constexpr io::DrawKind kForgedTo("nemesis.forged_to");
constexpr io::DrawKind kForgedTerm("nemesis.forged_term");

}  // namespace

void Nemesis::WipeDisk() {
  const NodeId node = DrawNode(kDiskVictim);
  // Who shrinks a cluster while a disk is missing takes the quorum away himself.
  if (options_.churn_every_ms > 0 || !cluster_.MayLoseDisk(node)) return;
  probes_.Hit(Probe::k_disk_wiped);
  cluster_.Crash(node);
  cluster_.WipeDisk(node);
  world_.After(DrawSpan(kDiskDown, options_.down_max_ms), [this, node] { cluster_.Start(node); });
}

void Nemesis::ReturnOldDisk() {
  const NodeId node = DrawNode(kDiskVictim);
  if (!cluster_.HasOldDisk(node) || !cluster_.MayLoseDisk(node)) return;
  probes_.Hit(Probe::k_old_disk_returned);
  cluster_.Crash(node);
  cluster_.ReturnOldDisk(node);
  world_.After(DrawSpan(kDiskDown, options_.down_max_ms), [this, node] { cluster_.Start(node); });
}

// A node of another cluster that got hold of a member's address. Whoever believed it would enter its term.
void Nemesis::ForgeMessage() {
  const NodeId from = DrawNode(kForgedFrom);
  const NodeId to = DrawNode(kForgedTo);
  if (from == to || !cluster_.Running(from) || world_.Paused(from) || !cluster_.Running(to)) return;
  probes_.Hit(Probe::k_message_forged);
  pb::PeerMessage message;
  message.set_from(from.value());
  message.set_to(to.value());
  message.set_from_host(EndpointOf(from).host);
  message.set_from_port(EndpointOf(from).port);
  message.set_incarnation(2);
  message.set_cluster_id(kForeignClusterId);
  const Term term = cluster_.Find(to)->raft().core().hard_state().term;
  message.mutable_append_response()->set_term(term.value() + Draw(kForgedTerm, 1, 3));
  cluster_.machine(from).transport().Send(EndpointOf(to), message.SerializeAsString());
}

}  // namespace metasrv::sim
