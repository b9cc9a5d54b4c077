#include "consensus/tracker.h"

#include "consensus/quorum.h"

namespace metasrv {

NodeSet Tracker::Follow(const Membership& membership, LogIndex next, Instant now) {
  NodeSet gone;
  for (const auto& [id, progress] : peers_) {
    if (!membership.Contains(id)) gone.push_back(id);
  }
  for (NodeId id : gone) peers_.erase(id);
  for (NodeId id : Union(membership.Voters(), membership.nodes)) {
    if (id != self_) peers_.try_emplace(id, next, now);
  }
  return gone;
}

Progress* Tracker::Find(NodeId id) {
  auto at = peers_.find(id);
  return at == peers_.end() ? nullptr : &at->second;
}

const Progress* Tracker::Find(NodeId id) const {
  auto at = peers_.find(id);
  return at == peers_.end() ? nullptr : &at->second;
}

LogIndex Tracker::QuorumEnd(const Membership& membership, LogIndex own_durable_end) const {
  return LogIndex(QuorumValue(membership, [&](NodeId id) {
    if (id == self_) return own_durable_end.value();
    const Progress* progress = Find(id);
    return progress ? progress->match_end().value() : 0;
  }));
}

std::uint64_t Tracker::QuorumRound(const Membership& membership, std::uint64_t own_round) const {
  return QuorumValue(membership, [&](NodeId id) {
    if (id == self_) return own_round;
    const Progress* progress = Find(id);
    return progress ? progress->round() : 0;
  });
}

bool Tracker::HeardFromQuorum(const Membership& membership, Instant since) const {
  return HasQuorum(membership, [&](NodeId id) {
    if (id == self_) return true;
    const Progress* progress = Find(id);
    return progress != nullptr && progress->last_heard() >= since;
  });
}

}  // namespace metasrv
