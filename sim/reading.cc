#include "sim/reading.h"

#include <utility>

#include "common/check.h"

namespace metasrv::sim {

Reading::Reading(ReadPlan plan, node::ReadResult view) : plan_(std::move(plan)), view_(std::move(view)) {
  CHECK(view_.state != nullptr);
  seen_.applied_end = view_.applied_end;
  seen_.now = view_.now;
  seen_.last_applied = sm::ReadLastApplied(*view_.state);
}

bool Reading::Step() {
  ++steps_;
  if (seen_.gets.size() == plan_.keys.size()) return StepList();
  const std::string& key = plan_.keys[seen_.gets.size()];
  seen_.gets.emplace_back(key, sm::GetRecord(*view_.state, key, view_.now));
  return true;
}

bool Reading::StepList() {
  if (scan_ == nullptr) {
    if (seen_.lists.size() == plan_.lists.size()) return false;
    const ReadPlan::List& list = plan_.lists[seen_.lists.size()];
    seen_.lists.push_back({list.prefix, list.limit, {}});
    scan_ = std::make_unique<sm::PrefixScan>(*view_.state, list.prefix, view_.now);
  }
  ReadSeen::List& list = seen_.lists.back();
  auto item = scan_->Next();
  if (item) list.items.emplace_back(item->key(), std::move(*item->mutable_value()));
  if (!item || list.items.size() == list.limit) scan_.reset();
  return true;
}

}  // namespace metasrv::sim
