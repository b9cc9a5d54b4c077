#include "io/sim/sim_network.h"

#include <algorithm>

#include "common/check.h"
#include "io/sim/sim_transport.h"

namespace metasrv::io {

const char* ToString(PacketKind kind) {
  switch (kind) {
    case PacketKind::kMessage: return "message";
    case PacketKind::kRequest: return "request";
    case PacketKind::kReply: return "reply";
    case PacketKind::kUnreachable: return "unreachable";
  }
  return "?";
}

SimNetwork::SimNetwork(World& world, const NetworkFaults& faults) : world_(world), faults_(faults) {}

SimNetwork::~SimNetwork() = default;

// --- Who is where ---

void SimNetwork::Register(NodeId node, const Endpoint& endpoint) {
  CHECK_LT(node.value(), World::kNodeLimit);
  std::uint32_t position = PositionOf(node);
  if (position == kUnknown) {
    position = static_cast<std::uint32_t>(stations_.size());
    stations_.push_back({node, endpoint, nullptr});
    links_.emplace_back();
    for (std::vector<Link>& row : links_) row.resize(stations_.size());
  } else {
    by_endpoint_.erase(stations_[position].endpoint);
    stations_[position].endpoint = endpoint;
  }
  by_endpoint_[endpoint] = position;
}

std::uint32_t SimNetwork::Find(const Endpoint& endpoint) const {
  const auto found = by_endpoint_.find(endpoint);
  return found == by_endpoint_.end() ? kUnknown : found->second;
}

std::uint32_t SimNetwork::PositionOf(NodeId node) const {
  for (std::uint32_t i = 0; i < stations_.size(); ++i) {
    if (stations_[i].id == node) return i;
  }
  return kUnknown;
}

void SimNetwork::Attach(std::uint32_t position, SimTransport* transport) {
  CHECK(Listener(position) == nullptr);
  stations_[position].transport = transport;
}

void SimNetwork::Detach(std::uint32_t position, SimTransport* transport) {
  if (stations_[position].transport == transport) stations_[position].transport = nullptr;
}

// The living process at a station, or null.
SimTransport* SimNetwork::Listener(std::uint32_t position) const {
  SimTransport* transport = stations_[position].transport;
  return transport != nullptr && transport->Alive() ? transport : nullptr;
}

// --- Faults ---

SimNetwork::Link& SimNetwork::LinkOf(NodeId from, NodeId to) {
  const std::uint32_t a = PositionOf(from);
  const std::uint32_t b = PositionOf(to);
  CHECK(a != kUnknown && b != kUnknown);
  return links_[a][b];
}

void SimNetwork::SetLinkFaults(NodeId from, NodeId to, std::optional<NetworkFaults> faults) {
  LinkOf(from, to).faults = faults ? std::make_unique<NetworkFaults>(*faults) : nullptr;
}

void SimNetwork::CutOneWay(NodeId from, NodeId to, bool cut) { LinkOf(from, to).cut = cut; }

void SimNetwork::CutBothWays(NodeId a, NodeId b, bool cut) {
  CutOneWay(a, b, cut);
  CutOneWay(b, a, cut);
}

void SimNetwork::Isolate(NodeId node, bool cut) {
  MakeDeaf(node, cut);
  MakeMute(node, cut);
}

void SimNetwork::MakeDeaf(NodeId node, bool cut) {
  for (const Station& other : stations_) {
    if (other.id != node) CutOneWay(other.id, node, cut);
  }
}

void SimNetwork::MakeMute(NodeId node, bool cut) {
  for (const Station& other : stations_) {
    if (other.id != node) CutOneWay(node, other.id, cut);
  }
}

void SimNetwork::ClogOneWay(NodeId from, NodeId to, bool clogged) { SetClogged(LinkOf(from, to), to, clogged); }

void SimNetwork::SetClogged(Link& link, NodeId to, bool clogged) {
  link.clogged = clogged;
  if (clogged) return;
  for (const std::uint32_t slot : std::exchange(link.held, {})) {
    world_.At(world_.now(), Actor::AnyLife(to), EventKind::kArrival, flights_[slot].id, [this, slot] { Arrive(slot); });
  }
}

void SimNetwork::Heal() {
  for (std::vector<Link>& row : links_) {
    for (std::size_t to = 0; to < row.size(); ++to) {
      row[to].cut = false;
      row[to].faults.reset();
      SetClogged(row[to], stations_[to].id, false);
    }
  }
}

bool SimNetwork::IsCut(NodeId from, NodeId to) const {
  const std::uint32_t a = PositionOf(from);
  const std::uint32_t b = PositionOf(to);
  CHECK(a != kUnknown && b != kUnknown);
  return links_[a][b].cut;
}

}  // namespace metasrv::io
