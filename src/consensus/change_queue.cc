#include "consensus/change_queue.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace metasrv {

bool ChangeQueue::Add(const ChangeMembership& request, Instant deadline, std::size_t max) {
  CHECK(std::none_of(changes_.begin(), changes_.end(), [&](const Change& c) { return c.request.id == request.id; }));
  if (changes_.size() >= max) return false;
  Change& added = changes_.emplace_back();
  added.request = request;
  added.deadline = deadline;
  return true;
}

bool ChangeQueue::MustWait(std::size_t at) const {
  CHECK_LT(at, changes_.size());
  const auto here = changes_.begin() + static_cast<std::ptrdiff_t>(at);
  return std::any_of(changes_.begin(), here, [&](const Change& c) { return c.request.node == here->request.node; });
}

Change* ChangeQueue::InJoint() {
  Change* joint = nullptr;
  for (Change& change : changes_) {
    if (change.stage != Change::Stage::kJoint) continue;
    CHECK(joint == nullptr);
    joint = &change;
  }
  return joint;
}

Change ChangeQueue::Take(std::size_t at) {
  CHECK_LT(at, changes_.size());
  const auto here = changes_.begin() + static_cast<std::ptrdiff_t>(at);
  Change taken = std::move(*here);
  changes_.erase(here);
  return taken;
}

std::optional<std::size_t> ChangeQueue::Expired(Instant now) const {
  for (std::size_t at = 0; at < changes_.size(); ++at) {
    if (changes_[at].stage == Change::Stage::kQueued && now >= changes_[at].deadline) return at;
  }
  return std::nullopt;
}

}  // namespace metasrv
