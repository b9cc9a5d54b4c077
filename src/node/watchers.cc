#include "node/watchers.h"

#include <algorithm>
#include <utility>

#include "common/mutant.h"
#include "common/prng.h"
#include "sm/read.h"

namespace metasrv::node {
namespace {

meta::WatchResponse ToResponse(sm::Change& change) {
  meta::WatchResponse response;
  meta::Event& event = *response.mutable_event();
  event.set_key(std::move(change.key));
  if (change.after) *event.mutable_current() = std::move(*change.after);
  if (change.before) *event.mutable_prev() = std::move(*change.before);
  return response;
}

}  // namespace

Watchers::Watchers(Context& context)
    : context_(context), index_(Prng(context.env.random_seed).Fork("watchers").Next()) {}

std::expected<WatchStart, WatchRefusal> Watchers::Begin(const WatchSpec& spec, std::shared_ptr<Watcher> watcher) {
  const WatchLimits& limits = context_.options.watch;
  if (stopped_) return std::unexpected(WatchRefusal::kStopped);
  if (barred_) return std::unexpected(WatchRefusal::kStateWrong);
  if (!limits.on) return std::unexpected(WatchRefusal::kOff);
  if (watches_.size() >= limits.watches_max) return std::unexpected(WatchRefusal::kTooMany);
  const WatchId id(++last_id_);
  auto state = context_.env.state_store.NewSnapshot();
  // Entries that are applied together become readable together and are told one by one: one who begins in between has
  // the rest of them in its state.
  const auto last = sm::ReadLastApplied(*state);
  const LogIndex from = last ? last->index.Next() : LogIndex(0);
  const auto added = watches_.try_emplace(id, Watch{spec, std::move(watcher)}).first;
  index_.Add(spec.range,
             {id, &added->second.spec, MutantOn(Mutant::kW02) ? LogIndex(0) : from, added->second.watcher.get()});
  return WatchStart{id, std::move(state), from, limits.buffer_bytes};
}

void Watchers::Forget(WatchId id) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  index_.Remove(found->second.spec.range, id);
  watches_.erase(found);
}

void Watchers::End(Watches::iterator watch, WatchEnd reason) {
  const std::shared_ptr<Watcher> watcher = watch->second.watcher;
  Forget(watch->first);
  watcher->End(reason);
}

void Watchers::OnApplied(sm::Applied& applied) {
  if (watches_.empty() || applied.changes.empty()) return;
  for (sm::Change& change : applied.changes) Publish(applied.id.index, change);
  KeepWithinMemory();
}

void Watchers::Publish(LogIndex index, sm::Change& change) {
  SharedWatchMessage message;
  const bool leaves_record = change.after.has_value();
  const std::string key = change.key;
  index_.ForEach(key, [&](const RangeIndex::Entry& entry) {
    if (index < entry.from || !Passes(entry.spec->filter, leaves_record)) return;
    if (!message) message = std::make_shared<WatchMessage>(ToResponse(change), ledger_);
    if (!entry.watcher->Push(message)) too_slow_.push_back(entry.id);
  });
  for (const WatchId id : std::exchange(too_slow_, {})) {
    ++figures_.ended_too_slow;
    End(watches_.find(id), WatchEnd::kTooSlow);
  }
}

// The buffers share their messages, so that all of them together hold far less than their sum as a rule.
void Watchers::KeepWithinMemory() {
  while (ledger_->load(std::memory_order_relaxed) > context_.options.watch.memory_bytes && !watches_.empty()) {
    const auto largest =
        std::ranges::max_element(watches_, {}, [](const auto& watch) { return watch.second.watcher->backlog(); });
    if (largest->second.watcher->backlog() == 0) return;  // what is left is on its way
    ++figures_.ended_no_memory;
    End(largest, WatchEnd::kNoMemory);
  }
}

void Watchers::EndAll(WatchEnd reason) {
  if (reason == WatchEnd::kStateReplaced && MutantOn(Mutant::kW03)) return;
  while (!watches_.empty()) End(watches_.begin(), reason);
}

void Watchers::SetBarred(bool barred) {
  barred_ = barred;
  if (barred) EndAll(WatchEnd::kStateWrong);
}

void Watchers::Stop() {
  stopped_ = true;
  EndAll(WatchEnd::kStopped);
}

WatchFigures Watchers::figures() const {
  WatchFigures figures = figures_;
  figures.open = watches_.size();
  figures.waiting_bytes = ledger_->load(std::memory_order_relaxed);
  return figures;
}

}  // namespace metasrv::node
