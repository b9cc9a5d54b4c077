#include "consensus/tracker.h"

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/quorum.h"

namespace metasrv {

NodeSet Tracker::Follow(const Membership& membership, LogIndex next, Instant now, Instant until) {
  NodeSet gone;
  for (const auto& [id, progress] : peers_) {
    if (membership.Contains(id) || IsGone(id)) continue;
    if (progress.mode() == Progress::Mode::kSnapshot) {
      gone.push_back(id);
    } else {
      farewells_.emplace(id, Farewell{.end = next, .until = until, .told_round = std::nullopt});
    }
  }
  for (NodeId id : gone) peers_.erase(id);
  for (NodeId id : Union(membership.Voters(), membership.nodes)) {
    if (id == self_) continue;
    if (farewells_.erase(id) > 0) peers_.erase(id);  // it comes back as somebody new
    peers_.try_emplace(id, next, now);
  }
  CHECK(!IsGone(self_));
  return gone;
}

bool Tracker::IsHeldBack(NodeId id, LogIndex commit_end) const {
  const auto found = farewells_.find(id);
  return found != farewells_.end() && commit_end < found->second.end;
}

std::vector<std::pair<NodeId, bool>> Tracker::EndFarewells(std::uint64_t round, Instant now) {
  std::vector<std::pair<NodeId, bool>> ended;
  for (auto& [id, farewell] : farewells_) {
    const Progress& progress = peers_.at(id);
    const bool is_told = progress.mode() == Progress::Mode::kReplicate && progress.match_end() >= farewell.end &&
                         progress.commit_told() >= farewell.end;
    if (!is_told) farewell.told_round.reset();
    if (is_told && !farewell.told_round) farewell.told_round = round;
    const bool knows = is_told && progress.round() >= *farewell.told_round;
    if (knows || now >= farewell.until) ended.emplace_back(id, knows);
  }
  for (const auto& [id, knows] : ended) {
    farewells_.erase(id);
    CHECK_EQ(peers_.erase(id), 1U);
  }
  return ended;
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
  if (MutantOn(Mutant::kM03) && !membership.configs.empty() && !Contains(membership.configs.back(), self_)) {
    Membership wrong = membership;
    wrong.configs.back() = With(wrong.configs.back(), self_);
    return QuorumEnd(wrong, own_durable_end);
  }
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
  return HasQuorum(membership, [&](NodeId id) { return Heard(id, since); });
}

bool Tracker::Heard(NodeId id, Instant since) const {
  if (id == self_) return true;
  const Progress* progress = Find(id);
  return progress != nullptr && progress->last_heard() >= since;
}

}  // namespace metasrv
