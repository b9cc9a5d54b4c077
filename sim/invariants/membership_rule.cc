#include "sim/invariants/membership_rule.h"

#include <algorithm>
#include <iterator>

namespace metasrv::sim {
namespace {

std::size_t Difference(const NodeSet& a, const NodeSet& b) {
  NodeSet differ;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(differ));
  return differ.size();
}

}  // namespace

bool IsLegalStep(const Membership& before, const Membership& next) {
  if (before.configs.empty() || next.configs.empty() || !next.Validate()) return false;
  if (next == before) return true;  // it records disks (docs/decisions/0013), or nothing
  if (before.IsJoint()) return !next.IsJoint() && next == UniformMembership(before.configs.back(), before.Learners());
  if (next.configs.front() != before.configs.front()) return false;
  if (!next.IsJoint()) return Difference(before.nodes, next.nodes) <= 1;
  return next.configs.size() == 2 && next.nodes == before.nodes &&
         Difference(next.configs.front(), next.configs.back()) == 1;
}

void MembershipRule::StartWith(LogIndex end, const Membership& membership) {
  begin_ = end;
  last_ = std::make_shared<const Membership>(membership);
}

void MembershipRule::OnStored(const Entry& entry) {
  const bool judged = entry.kind == EntryKind::kMembership && entry.id.index >= begin_;
  if (judged) stored_[entry.id.index][entry.id.term] = entry.membership;
}

void MembershipRule::OnCommitted(const LogId& id) {
  const auto at = stored_.find(id.index);
  if (at == stored_.end() || !at->second.contains(id.term)) return;
  const auto& next = at->second.at(id.term);
  if (last_ && !IsLegalStep(*last_, *next)) {
    verdict_.Broken(kLegalSteps,
                    metasrv::ToString(*last_) + " is followed by " + metasrv::ToString(*next) + " at " + ToString(id));
  }
  last_ = next;
}

void MembershipRule::OnLeader(const NodeView& view) {
  const auto committed = view.log->IdBefore(view.commit_end);
  if (!committed || committed->term != view.hard_state.term) return;
  std::size_t count = 0;
  const Membership* before = nullptr;  // what only records disks is no change (docs/decisions/0013)
  for (auto at = stored_.lower_bound(view.commit_end); at != stored_.end(); ++at) {
    const auto id = view.log->IdAt(at->first);
    if (!id || !at->second.contains(id->term)) continue;
    const Membership& next = *at->second.at(id->term);
    if (before == nullptr || !(next == *before)) ++count;
    before = &next;
  }
  if (count > 1) {
    verdict_.Broken(kOneChange,
                    Name(view.id) + " has " + std::to_string(count) + " uncommitted memberships in its log");
  }
}

}  // namespace metasrv::sim
