#include "tests/consensus/explore/space.h"

#include <utility>

#include "common/check.h"

namespace metasrv::test {
namespace {

constexpr NodeIx kTwinEvery = 4;

Digest DigestOf(const Packet& packet) {
  StateDigest digest;
  digest.Add(packet.from);
  digest.Add(packet.to);
  digest.Add(packet.content.index());
  if (const auto* message = std::get_if<Message>(&packet.content)) digest.Add(*message);
  if (const auto* transfer = std::get_if<Transfer>(&packet.content)) {
    digest.Add(transfer->term);
    digest.Add(transfer->meta);
  }
  if (const auto* ended = std::get_if<TransferEnded>(&packet.content)) {
    const auto& [to, delivered, last, incarnation] = ended->sent;
    digest.Add(to);
    digest.Add(delivered);
    digest.Add(last);
    digest.Add(incarnation);
  }
  return digest.value();
}

std::uint64_t Pair(std::uint64_t high, std::uint64_t low) { return high << 32 | low; }

}  // namespace

NodeIx Space::Keep(Node node) {
  const Digest digest = node.digest();
  Node copy = node;
  const auto [ix, is_new] = nodes_.Add(digest, std::move(node));
  if (!is_new && ix % kTwinEvery == 0) twins_.try_emplace(ix, std::make_unique<const Node>(std::move(copy)));
  return ix;
}

PacketIx Space::Keep(Packet packet) {
  const Digest digest = DigestOf(packet);
  return packets_.Add(digest, std::move(packet)).first;
}

NodeIx Space::Boot(NodeId id, std::vector<Entry> log) { return Keep(stepper_.Boot(id, std::move(log))); }

std::optional<Outcome> Space::Compute(const Node& node, const Event& event) {
  const bool receives = event.kind == Event::Kind::kReceive;
  Outcome outcome;
  const Packet* packet = receives ? &packets_[event.argument] : nullptr;
  std::optional<Node> next = stepper_.Step(node, event, packet, outcome.effect);
  if (!next) return std::nullopt;
  for (Packet& sent : outcome.effect.sent) outcome.sent.push_back(Keep(std::move(sent)));
  outcome.effect.sent.clear();
  outcome.next = Keep(std::move(*next));
  return outcome;
}

const Outcome* Space::Step(NodeIx at, const Event& event) {
  const std::uint64_t key = Pair(at, static_cast<std::uint64_t>(event.kind) << 24 | event.argument);
  auto [known, is_new] = steps_.try_emplace(key);
  if (is_new) {
    std::optional<Outcome> outcome = Compute(nodes_[at], event);
    Audit(at, event, outcome);
    if (outcome) steps_[key] = std::make_unique<const Outcome>(std::move(*outcome));
    return steps_[key].get();
  }
  return known->second.get();
}

// Two node states with one digest must do the same, whatever happens: else the digest leaves out something that
// matters.
void Space::Audit(NodeIx at, const Event& event, const std::optional<Outcome>& outcome) {
  auto twin = twins_.find(at);
  if (twin == twins_.end()) return;
  const Node other = *twin->second;
  const std::optional<Outcome> same = Compute(other, event);
  CHECK_EQ(same.has_value(), outcome.has_value());
  ++audits_;
  if (!same) return;
  CHECK_EQ(same->next, outcome->next);
  CHECK(same->sent == outcome->sent);
  CHECK(same->effect.applied == outcome->effect.applied);
}

bool Space::LogsMatch(NodeIx a, NodeIx b) {
  auto [known, is_new] = matches_.try_emplace(Pair(a, b));
  if (is_new) known->second = test::LogsMatch(nodes_[a], nodes_[b]);
  return known->second;
}

}  // namespace metasrv::test
