#include "node/outbox.h"

#include <algorithm>

namespace metasrv::node {
namespace {

// How long a follower may learn later of a commit than it could.
constexpr Duration kPatience = Duration::Millis(1);

}  // namespace

Outbox::Outbox(Context& context, Send send) : context_(context), send_(std::move(send)), timer_(context.env.loop) {}

void Outbox::Add(NodeId to, const Message& message) {
  if (const auto* request = std::get_if<AppendRequest>(&message)) return AddAppend(to, *request);
  ready_.emplace_back(to, message);
}

bool Outbox::IsSignOfLife(const Peer& peer, const AppendRequest& request) {
  return request.entries.empty() && request.term == peer.term && request.round == peer.round;
}

void Outbox::AddAppend(NodeId to, const AppendRequest& request) {
  Peer& peer = peers_[to];
  const bool can_wait = IsSignOfLife(peer, request);
  const bool waits = peer.waiting.has_value();
  peer.term = request.term;
  peer.round = request.round;
  if (!can_wait) {
    peer.waiting.reset();
    ready_.emplace_back(to, request);
    if (std::ranges::none_of(peers_, [](const auto& each) { return each.second.waiting.has_value(); })) timer_.Cancel();
    return;
  }
  peer.waiting = request;
  if (waits) return;
  peer.due = context_.Now() + kPatience;
  timer_.SetAtLatest(peer.due, [this] { SendDue(); });
}

void Outbox::Flush() {
  for (auto& [to, message] : std::exchange(ready_, {})) send_(to, message);
}

void Outbox::SendDue() {
  const Instant now = context_.Now();
  Instant next = Instant::Never();
  for (auto& [to, peer] : peers_) {
    if (!peer.waiting) continue;
    if (peer.due <= now) {
      send_(to, *std::exchange(peer.waiting, std::nullopt));
    } else {
      next = std::min(next, peer.due);
    }
  }
  if (next != Instant::Never()) timer_.SetAtLatest(next, [this] { SendDue(); });
}

void Outbox::Stop() {
  timer_.Cancel();
  ready_.clear();
  peers_.clear();
}

}  // namespace metasrv::node
