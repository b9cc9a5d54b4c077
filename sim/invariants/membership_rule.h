#pragma once

#include <map>
#include <memory>

#include "consensus/types.h"
#include "sim/invariants/node_view.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kLegalSteps = {
    "memberships change by legal steps",
    "A committed membership follows the one before it by one learner more or less, by entering a joint configuration "
    "that adds or removes one voter, or by leaving it.",
    "Ongaro's thesis, §4.3; operations.md §2.2, §2.4"};

inline constexpr Property kOneChange = {
    "one membership change at a time",
    "The log of a leader that has committed in its own term holds at most one membership that is not committed.",
    "Ongaro's thesis, §4.1"};

// Judges the sequence of memberships.
class MembershipRule {
 public:
  explicit MembershipRule(Verdict& verdict) : verdict_(verdict) {}

  // The first entries, before `end`, come from a backup, and with them this membership; they are not judged.
  void StartWith(LogIndex end, const Membership& membership);
  // A node was asked to store `entry`.
  void OnStored(const Entry& entry);
  // Some leader has declared entry `id`, which it has stored, committed; every entry comes here, in log order.
  void OnCommitted(const LogId& id);
  // Requires: view.role is kLeader.
  void OnLeader(const NodeView& view);

 private:
  Verdict& verdict_;
  LogIndex begin_;  // of what is judged
  std::map<LogIndex, std::map<Term, std::shared_ptr<const Membership>>> stored_;
  std::shared_ptr<const Membership> last_;
};

// Whether `next` may follow `before`.
[[nodiscard]] bool IsLegalStep(const Membership& before, const Membership& next);

}  // namespace metasrv::sim
