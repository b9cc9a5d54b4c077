#include "sim/invariants/election_safety.h"

#include "sim/invariants/node_view.h"

namespace metasrv::sim {

void ElectionSafety::OnActsAsLeader(NodeId node, Term term) {
  const auto [place, first] = leaders_.emplace(term, node);
  if (first || place->second == node) return;
  verdict_.Broken(kElectionSafety,
                  Name(place->second) + " and " + Name(node) + " both lead term " + std::to_string(term.value()));
}

std::optional<NodeId> ElectionSafety::LeaderOf(Term term) const {
  const auto found = leaders_.find(term);
  if (found == leaders_.end()) return std::nullopt;
  return found->second;
}

}  // namespace metasrv::sim
