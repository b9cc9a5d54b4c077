#include "sim/invariants/commit_rule.h"

#include <algorithm>

namespace metasrv::sim {

void CommitRule::OnRaised(const NodeView& node, bool led_term_of_entry, std::span<const Membership> memberships) {
  const auto id = node.log->IdAt(node.commit_end.Prev());
  const std::string what = Name(node.id) + " raised the commit point to " + std::to_string(node.commit_end.value());
  if (!id) {
    verdict_.Broken(kCommitOwnTerm, what + " without having the entry");
    return;
  }
  const bool leads_it = node.role == RoleName::kLeader ? id->term == node.hard_state.term : led_term_of_entry;
  if (!leads_it) {
    verdict_.Broken(kCommitOwnTerm, what + ", which is " + ToString(*id) + ", in term " +
                                        std::to_string(node.hard_state.term.value()) + " as " + ToString(node.role));
    return;
  }
  const bool safe = std::any_of(memberships.begin(), memberships.end(),
                                [&](const Membership& membership) { return OnQuorum(*id, membership); });
  if (!safe) verdict_.Broken(kCommitOnQuorum, what + " and too few disks hold " + ToString(*id) + " for good");
}

bool CommitRule::OnQuorum(LogId id, const Membership& membership) const {
  for (const NodeSet& voters : membership.configs) {
    std::size_t safe_count = 0;
    for (NodeId voter : voters) {
      const DiskLedger* disk = disk_of_(voter, membership.identity.Recorded(voter));
      if (disk != nullptr && disk->SurvivesCrash(id)) ++safe_count;
    }
    if (2 * safe_count <= voters.size()) return false;
  }
  return !membership.configs.empty();
}

void CommitRule::OnBelieved(const NodeView& node, Term term) {
  const LogIndex last = node.commit_end.Prev();
  if (Holds(*node.log, last, term)) return;
  const auto id = node.log->IdAt(last);
  verdict_.Broken(kCommitAgreement, Name(node.id) + " takes " + (id ? ToString(*id) : "a missing entry") +
                                        " for committed; the leaders committed term " + std::to_string(term.value()) +
                                        " at index " + std::to_string(last.value()));
}

}  // namespace metasrv::sim
