#include "io/sim/sim_transport.h"

#include <utility>

#include "common/check.h"

namespace metasrv::io {

SimTransport::SimTransport(SimNetwork& network, SimLoop& loop, NodeId node)
    : network_(network), loop_(loop), position_(network.PositionOf(node)) {
  CHECK(position_ != SimNetwork::kUnknown);
}

SimTransport::~SimTransport() {
  network_.Detach(position_, this);
  for (const auto& [call, pending] : calls_) loop_.world().Cancel(pending.timeout);
}

bool SimTransport::Alive() const { return loop_.world().Alive(loop_.actor()); }

void SimTransport::Start(MessageHandler on_message, CallHandler on_call) {
  CHECK(!started_);
  started_ = true;
  on_message_ = std::move(on_message);
  on_call_ = std::move(on_call);
  if (Alive()) network_.Attach(position_, this);
}

void SimTransport::Send(const Endpoint& to, std::string bytes) {
  CHECK(started_);
  SimNetwork::Flight flight;
  flight.kind = PacketKind::kMessage;
  flight.from = position_;
  flight.to = network_.Find(to);
  if (!Alive() || flight.to == SimNetwork::kUnknown) return;
  flight.bytes = std::move(bytes);
  network_.Send(std::move(flight));
}

void SimTransport::Call(const Endpoint& to, std::string request, Duration timeout, CallDone done) {
  CHECK(started_);
  if (!Alive()) return;
  World& world = loop_.world();
  const std::uint64_t call = network_.next_call_++;
  const EventId event = world.At(world.now() + timeout, loop_.actor(), EventKind::kCallTimeout, call,
                                 [this, call] { EndCall(call, CallEnd::kUnanswered, {}); });
  calls_.emplace(call, PendingCall{std::move(done), event});
  SimNetwork::Flight flight;
  flight.call = call;
  flight.kind = PacketKind::kRequest;
  flight.from = position_;
  flight.to = network_.Find(to);
  if (flight.to == SimNetwork::kUnknown) {
    return loop_.Post([this, call] { EndCall(call, CallEnd::kNotReached, "unknown address"); });
  }
  flight.bytes = std::move(request);
  network_.Send(std::move(flight));
}

void SimTransport::Handle(SimNetwork::Flight flight) {
  switch (flight.kind) {
    case PacketKind::kMessage: return on_message_(std::move(flight.bytes));
    case PacketKind::kRequest: return HandleRequest(std::move(flight));
    case PacketKind::kReply: return EndCall(flight.call, CallEnd::kAnswered, std::move(flight.bytes));
    case PacketKind::kUnreachable: return EndCall(flight.call, CallEnd::kNotReached, "connection refused");
  }
}

void SimTransport::HandleRequest(SimNetwork::Flight request) {
  // The responder may be used after this transport is gone; the network and the world are not.
  SimNetwork& network = network_;
  World& world = loop_.world();
  const Actor me = loop_.actor();
  auto respond = [&network, &world, me, from = request.to, to = request.from, life = request.from_incarnation,
                  call = request.call](std::string reply) {
    if (world.Alive(me)) network.SendReply(from, to, life, call, PacketKind::kReply, std::move(reply));
  };
  on_call_(std::move(request.bytes), std::move(respond));
}

// Late answers and the timeout of an answered call find nothing.
void SimTransport::EndCall(std::uint64_t call, CallEnd end, std::string text) {
  auto found = calls_.extract(call);
  if (found.empty()) return;
  loop_.world().Cancel(found.mapped().timeout);
  found.mapped().done(end, std::move(text));
}

}  // namespace metasrv::io
