// The way of a packet through SimNetwork: departure, faults, arrival.

#include <algorithm>
#include <utility>

#include "io/sim/sim_network.h"
#include "io/sim/sim_transport.h"

namespace metasrv::io {
namespace {

constexpr DrawKind kLoss("net.loss");
constexpr DrawKind kDelay("net.delay");
constexpr DrawKind kReorder("net.reorder");
constexpr DrawKind kTail("net.tail");
constexpr DrawKind kTailDelay("net.tail_delay");
constexpr DrawKind kDuplicate("net.duplicate");
constexpr DrawKind kDuplicateDelay("net.duplicate_delay");

}  // namespace

DrawActor SimNetwork::ActorFor(const Flight& flight) const {
  return ActorOf(stations_[flight.from].id, stations_[flight.to].id);
}

Packet SimNetwork::PacketOf(const Flight& flight) const {
  return {flight.id,   flight.kind, stations_[flight.from].id, stations_[flight.to].id, flight.from_incarnation,
          flight.bytes};
}

void SimNetwork::Record(MarkKind kind, const Flight& flight) {
  const NodeId from = stations_[flight.from].id;
  const NodeId to = stations_[flight.to].id;
  const bool arrived = kind == MarkKind::kArrived;
  world_.Note(kind, arrived ? to : from, arrived ? from : to, flight.id, flight.bytes.size());
}

// --- Departure ---

void SimNetwork::Send(Flight flight) {
  flight.id = ++counts_.sent;
  flight.from_incarnation = world_.Incarnation(stations_[flight.from].id);
  if (flight.kind == PacketKind::kMessage || flight.kind == PacketKind::kRequest) {
    flight.to_incarnation = world_.Incarnation(stations_[flight.to].id);
  }
  world_.Mix(Hash64(flight.bytes, static_cast<std::uint64_t>(flight.kind)));
  // Refusals come from a machine, not from a node: they promise nothing.
  if (observer_ != nullptr && flight.kind != PacketKind::kUnreachable) observer_->OnLeave(PacketOf(flight));

  Link& link = links_[flight.from][flight.to];
  const NetworkFaults& faults = link.faults ? *link.faults : faults_;
  const std::uint64_t number = link.packets++;
  if (Loses(flight, link, faults, number)) {
    ++counts_.lost;
    return Record(MarkKind::kLost, flight);
  }
  Record(MarkKind::kSent, flight);
  MaybeDuplicate(flight, faults, number);
  const Instant when = ArrivalOf(flight, link, faults, number);
  Launch(std::move(flight), when);
}

void SimNetwork::SendReply(std::uint32_t from, std::uint32_t to, std::uint32_t to_incarnation, std::uint64_t call,
                           PacketKind kind, std::string bytes) {
  Flight flight;
  flight.call = call;
  flight.kind = kind;
  flight.from = from;
  flight.to = to;
  flight.to_incarnation = to_incarnation;
  flight.bytes = std::move(bytes);
  Send(std::move(flight));
}

bool SimNetwork::Loses(const Flight& flight, const Link& link, const NetworkFaults& faults, std::uint64_t number) {
  return link.cut || world_.draws().ChanceAt(kLoss, ActorFor(flight), number, faults.loss_ppm);
}

Instant SimNetwork::ArrivalOf(const Flight& flight, Link& link, const NetworkFaults& faults, std::uint64_t number) {
  Draws& draws = world_.draws();
  const DrawActor actor = ActorFor(flight);
  Instant when = world_.now() + draws.BetweenAt(kDelay, actor, number, faults.delay_min, faults.delay_max);
  if (draws.ChanceAt(kTail, actor, number, faults.tail_ppm)) {
    when = when + draws.BetweenAt(kTailDelay, actor, number, Duration(), faults.tail_max);
  }
  // Calls are streams of their own; only messages keep the order of their link.
  if (flight.kind != PacketKind::kMessage || draws.ChanceAt(kReorder, actor, number, faults.reorder_ppm)) return when;
  link.last_arrival = std::max(link.last_arrival, when);
  return link.last_arrival;
}

void SimNetwork::MaybeDuplicate(const Flight& flight, const NetworkFaults& faults, std::uint64_t number) {
  if (flight.kind != PacketKind::kMessage) return;
  Draws& draws = world_.draws();
  const DrawActor actor = ActorFor(flight);
  if (!draws.ChanceAt(kDuplicate, actor, number, faults.duplicate_ppm)) return;
  ++counts_.duplicated;
  const Duration low = std::min(faults.delay_min, faults.duplicate_delay_max);
  Launch(flight, world_.now() + draws.BetweenAt(kDuplicateDelay, actor, number, low, faults.duplicate_delay_max));
}

void SimNetwork::Launch(Flight flight, Instant when) {
  const std::uint64_t id = flight.id;
  const Actor owner = Actor::AnyLife(stations_[flight.to].id);
  std::uint32_t slot = 0;
  if (free_flights_.empty()) {
    slot = static_cast<std::uint32_t>(flights_.size());
    flights_.push_back(std::move(flight));
  } else {
    slot = free_flights_.back();
    free_flights_.pop_back();
    flights_[slot] = std::move(flight);
  }
  world_.At(when, owner, EventKind::kArrival, id, [this, slot] { Arrive(slot); });
}

// --- Arrival ---

void SimNetwork::Arrive(std::uint32_t slot) {
  Link& link = links_[flights_[slot].from][flights_[slot].to];
  if (link.clogged) {
    link.held.push_back(slot);
    return;
  }
  Flight flight = std::move(flights_[slot]);
  free_flights_.push_back(slot);
  Deliver(std::move(flight));
}

bool SimNetwork::IsGhost(const Flight& flight) const {
  return flight.from_incarnation != world_.Incarnation(stations_[flight.from].id) ||
         flight.to_incarnation != world_.Incarnation(stations_[flight.to].id) ||
         !world_.Alive(stations_[flight.from].id);
}

void SimNetwork::Deliver(Flight flight) {
  SimTransport* listener = Listener(flight.to);
  const bool is_answer = flight.kind == PacketKind::kReply || flight.kind == PacketKind::kUnreachable;
  const bool stale = is_answer && flight.to_incarnation != world_.Incarnation(stations_[flight.to].id);
  if (listener == nullptr || stale) return Nobody(std::move(flight));
  ++counts_.arrived;
  if (IsGhost(flight)) ++counts_.ghosts;
  Record(MarkKind::kArrived, flight);
  if (observer_ != nullptr) observer_->OnArrive(PacketOf(flight));
  if (mangler_ && flight.kind == PacketKind::kMessage) mangler_(PacketOf(flight), flight.bytes);
  listener->Handle(std::move(flight));
}

// Nobody listens: a request is refused by the machine's address, all else is lost.
void SimNetwork::Nobody(Flight flight) {
  ++counts_.lost;
  Record(MarkKind::kLost, flight);
  if (flight.kind != PacketKind::kRequest) return;
  SendReply(flight.to, flight.from, flight.from_incarnation, flight.call, PacketKind::kUnreachable, {});
}

}  // namespace metasrv::io
