#include "sim/invariants/match_truth.h"

namespace metasrv::sim {

void MatchTruth::OnBelief(const NodeView& leader, NodeId peer, LogIndex match_end, const DiskLedger& disk,
                          Incarnation disk_name) {
  Belief& belief = beliefs_[leader.id][peer];
  const Term term = leader.hard_state.term;
  const Belief before = std::exchange(belief, {term, match_end, disk_name});
  const bool same_disk = before.disk_name == disk_name;
  if (before.term == term && before.match_end == match_end && same_disk) return;
  const std::string what = Name(leader.id) + " counts " + std::to_string(match_end.value()) + " entries at " +
                           Name(peer) + " in term " + std::to_string(term.value());
  if (before.term == term && match_end < before.match_end && same_disk) {
    verdict_.Broken(kMatchMonotonic, what + ", after " + std::to_string(before.match_end.value()));
    return;
  }
  if (match_end == LogIndex(0) || disk.issued().hard_state().term > term) return;
  const auto id = leader.log->IdAt(match_end.Prev());
  if (!id || disk.SurvivesCrash(*id)) return;
  verdict_.Broken(kMatchTrue, what + "; a crash could leave that member without " + ToString(*id));
}

}  // namespace metasrv::sim
