#pragma once

#include <functional>
#include <span>

#include "sim/disk_ledger.h"
#include "sim/invariants/node_view.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kCommitOwnTerm = {
    "commit own term", "The commit point is advanced only by a leader, and only to an entry of its own term.",
    "Ongaro's thesis, §3.6.2"};

inline constexpr Property kCommitOnQuorum = {
    "committed on a quorum",
    "When an entry is declared committed, no crash can take it from a majority of every active voter set.",
    "Ongaro's thesis, §3.6.2, §4.3 and §10.2.1"};

inline constexpr Property kCommitAgreement = {
    "commit agreement", "What a node believes to be committed is a prefix of what leaders committed.",
    "Ongaro's thesis, figure 3.2, state machine safety"};

// Judges every advance of a commit point.
class CommitRule {
 public:
  using DiskOf = std::function<const DiskLedger*(NodeId, Incarnation recorded)>;

  // `disk_of` answers for every node that ever ran, dead ones too, with the disk that a membership records; none for
  // others.
  CommitRule(Verdict& verdict, DiskOf disk_of) : verdict_(verdict), disk_of_(std::move(disk_of)) {}

  // `node` raised the commit point of the cluster to node.commit_end. `led_term_of_entry`: it is known to have led the
  // term of the last entry. `memberships`: the ones that were effective on it during the event; one of them has to
  // carry the commit.
  void OnRaised(const NodeView& node, bool led_term_of_entry, std::span<const Membership> memberships);

  // `node` believes in commit_end entries, of which the last has term `term` by the leaders' decisions.
  void OnBelieved(const NodeView& node, Term term);

 private:
  [[nodiscard]] bool OnQuorum(LogId id, const Membership& membership) const;

  Verdict& verdict_;
  DiskOf disk_of_;
};

}  // namespace metasrv::sim
