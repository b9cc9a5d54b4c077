#include "node/compaction.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "consensus/core.h"
#include "sm/layout.h"

namespace metasrv::node {
namespace {

bool Expires(const std::optional<meta::SeqV>& record) { return record && record->meta().has_expire_at(); }

void Count(const sm::Change& change, RowCounts& rows) {
  rows.records += std::uint64_t{change.after.has_value()} - std::uint64_t{change.before.has_value()};
  rows.expiries += std::uint64_t{Expires(change.after)} - std::uint64_t{Expires(change.before)};
}

std::uint64_t CountTable(const sm::Reader& state, char table) {
  std::uint64_t count = 0;
  const std::string prefix(1, table);
  for (auto rows = state.Scan(prefix, sm::PrefixEnd(prefix)); rows->Valid(); rows->Next()) ++count;
  return count;
}

RowCounts CountRows(const sm::Reader& state) {
  return {CountTable(state, sm::kRecordTable), CountTable(state, sm::kExpireTable)};
}

}  // namespace

Compaction::Compaction(Context& context, Pump& pump, const sm::Machine& machine, const SnapshotSender& sender)
    : context_(context),
      pump_(pump),
      machine_(machine),
      sender_(sender),
      durable_(machine.last_applied()),
      timer_(context.env.loop) {
  rows_ = durable_rows_ = CountRows(context_.env.state_store);
}

void Compaction::OnApplied(const Entry& entry, const sm::Applied& applied) {
  for (const sm::Change& change : applied.changes) Count(change, rows_);
  ++applied_;
  changes_ += applied.changes.size();
  bytes_ += entry.ByteSize();
  TriggerWhenDue();
}

// Bytes are memory and do not wait.
void Compaction::TriggerWhenDue() {
  if (flushing_) return;
  if (bytes_ >= context_.options.flush_bytes) return Trigger();
  if (applied_ < context_.options.snapshot_logs_since_last) return;
  if (context_.options.snapshot_pause == Duration() || context_.Now() >= pause_end_) return Trigger();
  timer_.SetAtLatest(pause_end_, context_.lifetime.Guard([this] { TriggerWhenDue(); }));
}

void Compaction::Trigger() {
  if (flushing_) {
    again_ = true;
    return;
  }
  flushing_ = true;
  applied_ = 0;
  segments_.push_back({pump_.applied_end(), std::exchange(bytes_, 0)});
  pause_end_ = context_.Now() + context_.options.snapshot_pause;
  const auto covers = machine_.last_applied();
  context_.Info("do_build_snapshot start: last_applied=" + (covers ? ToString(*covers) : "None"));
  context_.env.state_store.Flush(
      context_.lifetime.Guard([this, covers, rows = rows_, changes = std::exchange(changes_, 0)](bool ok) {
        OnFlushed(ok, covers, rows, changes);
      }));
}

void Compaction::OnFlushed(bool ok, std::optional<LogId> covers, const RowCounts& rows, std::uint64_t changes) {
  flushing_ = false;
  if (!ok) return pump_.Fail("state store: a flush failed");
  flushed_rows_ += changes;
  if (covers && (!durable_ || durable_->index < covers->index)) {
    durable_ = covers;
    durable_rows_ = rows;
  }
  if (durable_) {
    const LogIndex begin = FirstToKeep(durable_->index.Next());
    while (!segments_.empty() && segments_.front().end <= begin) segments_.pop_front();
    pump_.Feed(Compact{begin});
  }
  if (std::exchange(again_, false)) Trigger();
}

// Requires: the durable state contains the entries before `end`.
LogIndex Compaction::FirstToKeep(LogIndex end) const {
  LogIndex begin(end.value() - std::min(end.value(), context_.options.max_applied_log_to_keep));
  std::optional<LogIndex> needed = NeededByPeers();
  if (const auto pinned = sender_.oldest_end()) needed = std::min(needed.value_or(*pinned), *pinned);
  if (needed && *needed < begin) {
    begin = std::min(begin, std::max(*needed, FirstWithin(context_.options.keep_for_peers_bytes, end)));
  }
  return begin;
}

// What the peer that lags most still misses, of those that answered lately. Only a leader knows.
std::optional<LogIndex> Compaction::NeededByPeers() const {
  const auto* leader = std::get_if<Leader>(&pump_.raft().core().role());
  if (leader == nullptr) return std::nullopt;
  const Instant since = context_.Now() - context_.options.raft.election_timeout_max;
  std::optional<LogIndex> oldest;
  for (const auto& [id, progress] : leader->tracker.peers()) {
    // Nothing that a peer without a known prefix has may be counted on.
    if (progress.last_heard() < since || progress.mode() != Progress::Mode::kReplicate) continue;
    oldest = std::min(oldest.value_or(progress.match_end()), progress.match_end());
  }
  return oldest;
}

// The first entry such that the ones from there to `end` have at most `bytes_max`, as far as flushes tell them apart.
LogIndex Compaction::FirstWithin(std::uint64_t bytes_max, LogIndex end) const {
  LogIndex first = end;
  std::uint64_t bytes = 0;
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment) {
    bytes += segment->bytes;
    if (bytes > bytes_max) break;
    const auto older = std::next(segment);
    first = std::min(first, older == segments_.rend() ? LogIndex(0) : older->end);
  }
  return first;
}

void Compaction::OnInstalled(const SnapshotMeta& meta) {
  durable_ = meta.last;
  rows_ = durable_rows_ = CountRows(context_.env.state_store);
  applied_ = 0;
  bytes_ = 0;
  segments_.clear();
}

}  // namespace metasrv::node
