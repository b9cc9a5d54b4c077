#include "node/recovery.h"

#include <algorithm>
#include <utility>

#include "node/wire.h"
#include "sm/read.h"

namespace metasrv::node {
namespace {

std::unexpected<io::Error> Corrupt(std::string detail) {
  return std::unexpected(io::Error{io::ErrorKind::kCorrupt, std::move(detail)});
}

std::string Describe(const std::optional<LogId>& id) { return id ? ToString(*id) : "nothing"; }

// Index of the first entry that must be found in the log.
std::uint64_t EndOf(const std::optional<LogId>& id) { return id ? id->index.value() + 1 : 0; }

// Whether the log knows entry `id`, as an entry or as the last purged one.
bool Knows(const io::LogContents& contents, const Log& log, const LogId& id) {
  return contents.purged == id || log.IdAt(id.index) == id;
}

bool Contiguous(const io::LogContents& contents, const StoredLog& log) {
  return !log.has_gap() && (log.empty() || !contents.purged || log.log().begin() == contents.purged->index.Next());
}

// The id of the entry before the log's first: known, or covered by the state, or none because the log is complete.
std::optional<LogId> EntryBefore(const io::LogContents& contents, const Log& log, const SnapshotMeta& state) {
  const std::optional<LogId> first = log.IdAt(log.begin());
  if (contents.purged || !first) return contents.purged;
  if (first->index == LogIndex(0)) return std::nullopt;
  if (state.last && state.last->index == first->index.Prev()) return state.last;
  // Its term was never told; it is committed, so only the order of terms matters.
  return LogId{first->term, first->leader, first->index.Prev()};
}

// An import leaves an empty log that never purged anything; it must read back unchanged as long as nothing happens.
RecoveredDisk Reset(HardState hard_state, SnapshotMeta state, bool imported) {
  RecoveredDisk out;
  if (imported) {
    out.reset_later = state.last;
  } else {
    out.repair.emplace();
    out.repair->reset_to = state.last;
    out.note = "log reset: the state is ahead of it";
  }
  out.recovered = {hard_state, Log(state.last, {}), {}, std::move(state)};
  return out;
}

// No entry is newer than the term it was written in: what the disk says of an earlier term is over.
HardState HardStateOf(const io::LogContents& contents, const Log& log, const SnapshotMeta& state) {
  HardState hard_state = contents.hard_state.value_or(HardState{});
  Term newest = state.last ? state.last->term : Term(0);
  newest = std::max(newest, log.last_term().value_or(Term(0)));
  return newest > hard_state.term ? HardState{newest, std::nullopt, false} : hard_state;
}

}  // namespace

StoredLog::StoredLog(const SnapshotMeta& state, const LogCacheLimits& cache, Listener on_unapplied)
    : applied_end_(EndOf(state.last)), cache_(cache), on_unapplied_(std::move(on_unapplied)) {}

void StoredLog::Add(Entry entry) {
  has_gap_ = has_gap_ || (!empty() && entry.id.index != log_.end());
  if (has_gap_) return;
  if (entry.kind == EntryKind::kNormal) time_ = std::max(time_, PeekTime(*entry.payload).value_or(0));
  if (entry.id.index >= applied_end_) {
    if (entry.kind == EntryKind::kMembership) memberships_.push_back(entry);
    on_unapplied_(entry);
  }
  log_.Append(std::move(entry));
  log_.Evict(log_.end(), cache_);
}

Log StoredLog::TakeLog(std::optional<LogId> before) {
  if (before) log_.Anchor(*before);
  return std::move(log_);
}

std::expected<SnapshotMeta, io::Error> ReadStateMeta(const sm::Reader& state) {
  auto meta = FromStored(sm::ReadLastApplied(state), sm::ReadLastMembership(state));
  if (!meta) return Corrupt("state: the stored membership is malformed");
  return std::move(*meta);
}

std::expected<RecoveredDisk, io::Error> Recover(const io::LogContents& contents, StoredLog log, SnapshotMeta state) {
  if (!Contiguous(contents, log)) return Corrupt("log: entries are missing in the middle");
  const HardState hard_state = HardStateOf(contents, log.log(), state);

  if (state.last && !Knows(contents, log.log(), *state.last) && EndOf(contents.purged) <= state.last->index.value()) {
    const bool covered_gap = !log.empty() && state.last->index < log.log().begin();
    if (!covered_gap) {
      return Reset(hard_state, std::move(state), log.empty() && !contents.purged);
    }
  }
  const std::optional<LogId> before = EntryBefore(contents, log.log(), state);
  if (EndOf(before) > EndOf(state.last)) {
    return Corrupt("log: entries up to " + Describe(before) + " are gone, but the state contains only " +
                   Describe(state.last));
  }
  RecoveredDisk out;
  out.log_time = log.time();
  out.recovered = {hard_state, log.TakeLog(before), log.TakeMemberships(), std::move(state)};
  return out;
}

}  // namespace metasrv::node
