#include "consensus/membership_history.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace metasrv {

MembershipHistory::MembershipHistory(std::optional<LogId> base_id, Membership base)
    : base_id_(base_id), base_(std::move(base)) {}

const Membership& MembershipHistory::current() const { return items_.empty() ? base_ : *items_.back().membership; }

std::optional<LogId> MembershipHistory::current_id() const {
  return items_.empty() ? base_id_ : std::optional(items_.back().id);
}

std::size_t MembershipHistory::ChangesFrom(LogIndex index) const {
  std::size_t count = 0;
  const Membership* before = &base_;
  for (const Item& item : items_) {
    if (item.id.index >= index && !(*item.membership == *before)) ++count;
    before = item.membership.get();
  }
  return count;
}

bool MembershipHistory::AnyInEffectFrom(LogIndex end, const std::function<bool(const Membership&)>& holds) const {
  for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
    if (holds(*item->membership)) return true;
    if (item->id.index < end) return false;
  }
  return holds(base_);
}

ClusterId MembershipHistory::ClusterAt(LogIndex end) const {
  for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
    if (item->id.index < end) return item->membership->identity.cluster;
  }
  return base_.identity.cluster;
}

void MembershipHistory::Append(const Entry& entry) {
  CHECK(entry.kind == EntryKind::kMembership);
  CHECK(entry.membership != nullptr);
  if (!items_.empty()) CHECK_GT(entry.id.index, items_.back().id.index);
  items_.push_back({entry.id, entry.membership});
}

void MembershipHistory::TruncateFrom(LogIndex index) {
  while (!items_.empty() && items_.back().id.index >= index) items_.pop_back();
}

void MembershipHistory::Rebase(LogIndex last, std::optional<LogId> base_id, const Membership& base) {
  base_id_ = base_id;
  base_ = base;
  std::erase_if(items_, [last](const Item& item) { return item.id.index <= last; });
}

}  // namespace metasrv
