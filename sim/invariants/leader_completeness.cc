#include "sim/invariants/leader_completeness.h"

namespace metasrv::sim {

void LeaderCompleteness::OnElected(const NodeView& leader, const CommitHistory& committed) {
  Demand(leader, committed.EndBefore(leader.hard_state.term), committed);
}

void LeaderCompleteness::OnCommitted(Term by, const CommitHistory& committed, std::span<const NodeView> running) {
  for (const NodeView& node : running) {
    if (node.role == RoleName::kLeader && by < node.hard_state.term) Demand(node, committed.end(), committed);
  }
}

void LeaderCompleteness::Demand(const NodeView& leader, LogIndex end, const CommitHistory& committed) {
  if (end == LogIndex(0)) return;
  const Term term = committed.TermAt(end.Prev());  // the ones before it follow by log matching
  if (Holds(*leader.log, end.Prev(), term)) return;
  verdict_.Broken(kLeaderCompleteness, Name(leader.id) + " leads term " +
                                           std::to_string(leader.hard_state.term.value()) + " without entry " +
                                           std::to_string(end.Prev().value()) + " of term " +
                                           std::to_string(term.value()) + ", committed earlier");
}

}  // namespace metasrv::sim
