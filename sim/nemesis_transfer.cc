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

}  // namespace

void Nemesis::WatchTransfers() {
  if (options_.fault_in_transfer_ppm == 0 && options_.damaged_chunk_ppm == 0) return;
  cluster_.network().SetMangler([this](const io::Packet& packet, std::string& bytes) {
    pb::PeerMessage message;
    if (!message.ParseFromString(bytes) || !message.has_snapshot_chunk()) return;
    OnChunk(packet);
    DamageChunk(packet, bytes);
  });
}

// Either end dies, or both, or the link between them is cut.
void Nemesis::OnChunk(const io::Packet& packet) {
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
