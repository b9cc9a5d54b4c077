#include "sim/invariants/monotonic.h"

namespace metasrv::sim {

void Monotonic::Demand(bool holds, const NodeView& view, const char* what, std::uint64_t before, std::uint64_t after) {
  if (holds) return;
  verdict_.Broken(kMonotonic, Name(view.id) + ": " + what + " went from " + std::to_string(before) + " to " +
                                  std::to_string(after));
}

void Monotonic::OnView(const NodeView& view) {
  Last& last = last_[view.id];
  if (last.incarnation == view.incarnation) {
    const Term term = view.hard_state.term;
    Demand(last.term <= term, view, "term", last.term.value(), term.value());
    Demand(last.commit_end <= view.commit_end, view, "commit point", last.commit_end.value(), view.commit_end.value());
    Demand(last.applied_end <= view.applied_end, view, "applied point", last.applied_end.value(),
           view.applied_end.value());
  }
  Demand(view.applied_end <= view.commit_end, view, "applied point beyond the commit point", view.commit_end.value(),
         view.applied_end.value());
  last = {view.incarnation, view.hard_state.term, view.commit_end, view.applied_end};
}

void Monotonic::OnRecovered(NodeId node, const std::optional<HardState>& hard_state) {
  votes_[node] = hard_state.value_or(HardState());
}

void Monotonic::OnHardState(NodeId node, const HardState& next) {
  HardState& vote = votes_[node];
  const HardState before = vote;
  vote = next;
  if (next.term > before.term) return;
  const bool established = !before.leader_established && next.leader_established && next.voted_for;
  const bool given = before.voted_for == next.voted_for || !before.voted_for || established;
  const bool kept = next.leader_established || !before.leader_established;
  if (next.term == before.term && given && kept) return;
  const auto text = [](const HardState& state) {
    return "term " + std::to_string(state.term.value()) + " vote " +
           (state.voted_for ? std::to_string(state.voted_for->value()) : "none") +
           (state.leader_established ? " (leader)" : "");
  };
  verdict_.Broken(kVoteOnce, Name(node) + ": from " + text(before) + " to " + text(next));
}

}  // namespace metasrv::sim
