#include "sim/invariants/watch_history.h"

#include <algorithm>

namespace metasrv::sim {
namespace {

std::optional<meta::SeqV> Side(bool present, const meta::SeqV& record) {
  return present ? std::optional(record) : std::nullopt;
}

std::string Text(const std::optional<meta::SeqV>& record) { return record ? record->ShortDebugString() : "none"; }

std::string Text(const ModelChange& change) {
  return change.key + ": " + Text(change.before) + " -> " + Text(change.after);
}

}  // namespace

WatchJudge::WatchJudge(WatchPlan plan, const WatchReference& reference, Verdict& verdict)
    : plan_(std::move(plan)), reference_(reference), verdict_(verdict), flushing_(plan_.flush), place_{plan_.start, 0} {
  if (!flushing_) return;
  to_flush_ = reference_.RecordsAt(plan_.start);
  std::erase_if(to_flush_,
                [this](const auto& record) { return record.first < plan_.begin || record.first >= plan_.end; });
}

void WatchJudge::OnMessage(const meta::WatchResponse& message, LogIndex readable_end) {
  if (flushing_) return OnFlushed(message);
  if (!message.has_event() || message.is_initialization()) {
    return verdict_.Broken(kWatchIsHistory,
                           plan_.who + " was told what belongs to an initial flush: " + message.ShortDebugString());
  }
  OnChange(message.event(), readable_end);
}

void WatchJudge::OnFlushed(const meta::WatchResponse& message) {
  const bool at_end = flushed_ == to_flush_.size();
  const bool is_marker = !message.has_event() && !message.is_initialization();
  if (at_end && is_marker) {
    flushing_ = false;
    return;
  }
  const meta::Event& event = message.event();
  const bool right = !at_end && message.is_initialization() && !event.has_prev() && event.has_current() &&
                     event.key() == to_flush_[flushed_].first &&
                     SameRecord(event.current(), to_flush_[flushed_].second);
  if (!right) {
    return verdict_.Broken(
        kWatchFlush, plan_.who + " was told " + message.ShortDebugString() + " instead of " +
                         (at_end ? "the end" : to_flush_[flushed_].first + " " + Text(to_flush_[flushed_].second)));
  }
  ++flushed_;
}

bool WatchJudge::Wanted(const ModelChange& change) const {
  if (change.key < plan_.begin || change.key >= plan_.end) return false;
  if (plan_.filter == meta::WatchRequest::UPDATE) return change.after.has_value();
  if (plan_.filter == meta::WatchRequest::DELETE) return !change.after.has_value();
  return true;
}

const ModelChange* WatchJudge::Next(LogIndex end) {
  for (; place_.index < end; place_ = {place_.index.Next(), 0}) {
    const auto& changes = reference_.ChangesOf(place_.index);
    while (place_.change < changes.size() && !Wanted(changes[place_.change])) ++place_.change;
    if (place_.change < changes.size()) return &changes[place_.change];
  }
  return nullptr;
}

void WatchJudge::OnChange(const meta::Event& event, LogIndex readable_end) {
  const ModelChange told{event.key(), Side(event.has_prev(), event.prev()), Side(event.has_current(), event.current())};
  const ModelChange* expected = Next(reference_.end());
  const bool right = expected != nullptr && expected->key == told.key && SameRecord(expected->before, told.before) &&
                     SameRecord(expected->after, told.after);
  if (!right) {
    return verdict_.Broken(kWatchIsHistory, plan_.who + " was told " + Text(told) + " instead of " +
                                                (expected == nullptr ? "nothing" : Text(*expected)));
  }
  if (place_.index >= readable_end) {
    return verdict_.Broken(kWatchReadable, plan_.who + " was told " + Text(told) + " of entry " +
                                               std::to_string(place_.index.value()) + "; readable are " +
                                               std::to_string(readable_end.value()) + " entries");
  }
  ++place_.change;
}

void WatchJudge::OnDrained(LogIndex applied_end) {
  if (flushing_) return verdict_.Broken(kWatchFlush, plan_.who + " was not told the end of its initial flush");
  const ModelChange* missed = Next(std::min(applied_end, reference_.end()));
  if (missed == nullptr) return;
  verdict_.Broken(kWatchIsHistory,
                  plan_.who + " was not told " + Text(*missed) + " of entry " + std::to_string(place_.index.value()));
}

}  // namespace metasrv::sim
