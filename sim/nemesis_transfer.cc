// Faults that follow the pieces of a snapshot transfer.
#include <algorithm>
#include <utility>

#include "consensus/core.h"
#include "peer.pb.h"
#include "sim/nemesis.h"

namespace metasrv::sim {
namespace {

constexpr io::DrawKind kPiece("transfer.fault");
constexpr io::DrawKind kHow("transfer.how");
constexpr io::DrawKind kDamage("transfer.damage");
constexpr io::DrawKind kPlace("transfer.place");
constexpr io::DrawKind kVictim("rot.victim");
constexpr io::DrawKind kFilled("transfer.filled");
constexpr io::DrawKind kPieces("transfer.pieces");

}  // namespace

void Nemesis::WatchTransfers() {
  const bool any = options_.fault_in_transfer_ppm > 0 || options_.damaged_chunk_ppm > 0;
  if (!any && options_.change_sender_every_ms == 0) return;
  cluster_.network().SetMangler([this](const io::Packet& packet, std::string& bytes) {
    pb::PeerMessage message;
    if (!message.ParseFromString(bytes) || !message.has_snapshot_chunk()) return;
    OnChunk(packet);
    DamageChunk(packet, bytes);
  });
}

// Either end dies, or both, or the link between them is cut.
void Nemesis::OnChunk(const io::Packet& packet) {
  if (active_ && filled_ == packet.to && --pieces_left_ == 0) {
    filled_.reset();
    Later(Duration(), [this, from = packet.from, to = packet.to] { LoseSender(from, to); });
  }
  const auto ppm = static_cast<std::uint32_t>(options_.fault_in_transfer_ppm);
  if (!active_ || !world_.draws().Chance(kPiece, io::ActorOf(packet.to), ppm)) return;
  const std::uint64_t how = world_.draws().Between(kHow, io::ActorOf(packet.to), 0, 4);
  Later(Duration(), [this, how, from = packet.from, to = packet.to] {
    if (how == 4) {
      probes_.Hit(Probe::k_cut_in_transfer);
      return CutPairs([from, to](NodeId a, NodeId b) { return (a == from && b == to) || (a == to && b == from); });
    }
    probes_.Hit(Probe::k_crash_in_transfer);
    if (how != 0) TakeDown(to);
    if (how == 0 || how == 1) TakeDown(from);
  });
}

// A node that was down is filled again while nobody writes, and in the middle of it loses its sender.
void Nemesis::ChangeSender() {
  const NodeId node = DrawNode(kFilled);
  if (world_.now() < sender_changed_at_ || cluster_.ids().size() < 3 || !cluster_.Running(node)) return;
  if (cluster_.LearnsOnly(node)) return;
  const auto settled = Duration::Millis(static_cast<std::int64_t>(options_.election_min_ms));
  const Duration down = LongCut();
  const Duration alone = LongCut() * 2;
  sender_changed_at_ = world_.now() + down + settled * 3 + alone;
  cluster_.Crash(node);
  Later(down, [this, settled, alone] { workload_.OnlyRead(std::nullopt, settled * 3 + alone); });
  Later(down + settled, [this] {
    for (const NodeId id : cluster_.ids()) {
      if (cluster_.Running(id) && !world_.Paused(id)) cluster_.Find(id)->TriggerSnapshot();
    }
  });
  Later(down + settled * 2, [this, node] {
    filled_ = node;
    pieces_left_ = Draw(kPieces, 1, 4);
    cluster_.Start(node);
  });
}

// So many go down with it that nothing is committed before the receiver is filled: whoever goes on sends the same
// state, but cut in its own way.
void Nemesis::LoseSender(NodeId from, NodeId to) {
  probes_.Hit(Probe::k_sender_lost);
  std::vector<NodeId> others = cluster_.ids();
  std::erase_if(others, [&](NodeId id) { return id == from || id == to; });
  const std::size_t more = (cluster_.ids().size() - 1) / 2 - 1;
  others.resize(std::min(more, others.size()));
  others.push_back(from);
  for (const NodeId id : others) {
    cluster_.Crash(id);
    world_.After(LongCut() * 2, [this, id] { cluster_.Start(id); });
  }
}

void Nemesis::DamageChunk(const io::Packet& packet, std::string& bytes) {
  const auto ppm = static_cast<std::uint32_t>(options_.damaged_chunk_ppm);
  if (!active_ || !world_.draws().Chance(kDamage, io::ActorOf(packet.to), ppm)) return;
  pb::PeerMessage message;
  if (!message.ParseFromString(bytes)) return;
  std::string& rows = *message.mutable_snapshot_chunk()->mutable_rows();
  if (rows.empty()) return;
  // The end of a row's value, so that the rows can still be told apart.
  const std::uint64_t place = world_.draws().Between(kPlace, io::ActorOf(packet.to), 1, 8);
  char& byte = rows[rows.size() - std::min<std::uint64_t>(place, rows.size())];
  byte = static_cast<char>(byte ^ 1);
  bytes = message.SerializeAsString();
}

// One node at a time: the others must be able to tell who is wrong.
void Nemesis::RotState() {
  const NodeId node = DrawNode(kVictim);
  const auto leader = cluster_.Leader();
  if (!leader || cluster_.AnyRotten() || cluster_.AwaitsRefill() || !cluster_.EverJoined(node)) return;
  const Membership& members = cluster_.Find(*leader)->raft().core().membership().current();
  if (members.IsJoint() || members.Voters().size() < 3 || !members.Contains(node)) return;
  if (cluster_.Rot(node, Draw(kPlace, 0, 1'000'000))) probes_.Hit(Probe::k_bit_rot);
}

}  // namespace metasrv::sim
