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
bool Knows(const io::LogContents& contents, const LogId& id) {
  if (contents.purged == id) return true;
  if (contents.entries.empty()) return false;
  const LogIndex first = contents.entries.front().id.index;
  if (id.index < first || id.index > contents.entries.back().id.index) return false;
  return contents.entries[id.index.value() - first.value()].id == id;
}

bool Contiguous(const io::LogContents& contents) {
  if (contents.entries.empty()) return true;
  std::uint64_t next = contents.purged ? EndOf(contents.purged) : contents.entries.front().id.index.value();
  return std::ranges::all_of(contents.entries, [&](const Entry& entry) { return entry.id.index.value() == next++; });
}

std::uint64_t NewestTime(const std::vector<Entry>& entries) {
  std::uint64_t newest = 0;
  for (const Entry& entry : entries) {
    if (entry.kind == EntryKind::kNormal) newest = std::max(newest, PeekTime(*entry.payload).value_or(0));
  }
  return newest;
}

// The id of the entry before the log's first: known, or covered by the state, or none because the log is complete.
std::optional<LogId> EntryBefore(const io::LogContents& contents, const SnapshotMeta& state) {
  if (contents.purged || contents.entries.empty()) return contents.purged;
  const LogId first = contents.entries.front().id;
  if (first.index == LogIndex(0)) return std::nullopt;
  if (state.last && state.last->index == first.index.Prev()) return state.last;
  // Its term was never told; it is committed, so only the order of terms matters.
  return LogId{first.term, first.leader, first.index.Prev()};
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
  out.recovered = {hard_state, state.last, {}, std::move(state)};
  return out;
}

// No entry is newer than the term it was written in: what the disk says of an earlier term is over.
HardState HardStateOf(const io::LogContents& contents, const SnapshotMeta& state) {
  HardState hard_state = contents.hard_state.value_or(HardState{});
  Term newest = state.last ? state.last->term : Term(0);
  if (!contents.entries.empty()) newest = std::max(newest, contents.entries.back().id.term);
  return newest > hard_state.term ? HardState{newest, std::nullopt, false} : hard_state;
}

}  // namespace

std::expected<SnapshotMeta, io::Error> ReadStateMeta(const sm::Reader& state) {
  auto meta = FromStored(sm::ReadLastApplied(state), sm::ReadLastMembership(state));
  if (!meta) return Corrupt("state: the stored membership is malformed");
  return std::move(*meta);
}

std::expected<RecoveredDisk, io::Error> Recover(io::LogContents contents, SnapshotMeta state) {
  if (!Contiguous(contents)) return Corrupt("log: entries are missing in the middle");
  const HardState hard_state = HardStateOf(contents, state);
  const bool log_empty = contents.entries.empty();

  if (state.last && !Knows(contents, *state.last) && EndOf(contents.purged) <= state.last->index.value()) {
    const bool covered_gap = !log_empty && state.last->index < contents.entries.front().id.index;
    if (!covered_gap) {
      return Reset(hard_state, std::move(state), log_empty && !contents.purged);
    }
  }
  const std::optional<LogId> before = EntryBefore(contents, state);
  if (EndOf(before) > EndOf(state.last)) {
    return Corrupt("log: entries up to " + Describe(before) + " are gone, but the state contains only " +
                   Describe(state.last));
  }
  RecoveredDisk out;
  out.log_time = NewestTime(contents.entries);
  out.recovered = {hard_state, before, std::move(contents.entries), std::move(state)};
  return out;
}

}  // namespace metasrv::node
