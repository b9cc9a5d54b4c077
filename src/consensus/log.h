#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "consensus/types.h"

namespace metasrv {

// How much of a log stays in memory.
struct LogCacheLimits {
  std::size_t bytes_max = std::size_t{64} * 1024 * 1024;
  std::size_t items_max = 1'000'000;
};

// The log of a node: the id of every entry from begin() to end(), kept as runs of one leader's entries, and the newest
// entries themselves. Older ones can be forgotten here and read back from the log store.
//
// Invariants: indexes are contiguous; terms never fall; entry begin() - 1, when there is one, is `purged()` if its id
// is known; the entries from cached_begin() on are in memory. Knows nothing of commit or durability.
class Log {
 public:
  Log() = default;
  // Requires: `entries` contiguous, and right after `purged` when that is set.
  Log(std::optional<LogId> purged, std::vector<Entry> entries);

  [[nodiscard]] LogIndex begin() const { return begin_; }
  [[nodiscard]] LogIndex end() const { return end_; }
  [[nodiscard]] std::optional<LogId> purged() const { return purged_; }
  // The newest id: that of the last entry, or else the purged one.
  [[nodiscard]] std::optional<LogId> last() const;
  [[nodiscard]] std::optional<Term> last_term() const;

  // Known for the entries and for the purged one.
  [[nodiscard]] std::optional<LogId> IdAt(LogIndex index) const;
  // Id of the entry before the first `end` ones: none when end is 0 or the entry is no longer known.
  [[nodiscard]] std::optional<LogId> IdBefore(LogIndex end) const;
  // The largest end <= `limit` whose last entry has a term <= `term`, or that is as far back as the log knows
  // (conflict search by term, thesis §5.3; term hints on both sides).
  [[nodiscard]] LogIndex LastEndNotAfter(LogIndex limit, Term term) const;

  // The first entry that is in memory; end() when there is none.
  [[nodiscard]] LogIndex cached_begin() const { return LogIndex(end_.value() - cache_.size()); }
  [[nodiscard]] std::size_t cached_bytes() const { return cached_bytes_; }
  // Requires: cached_begin() <= index < end().
  [[nodiscard]] const Entry& At(LogIndex index) const;
  // Entries from `from` on, at most `count_max`, and no more than `bytes_max` unless one entry alone is larger.
  // Requires: cached_begin() <= from <= end().
  [[nodiscard]] std::vector<Entry> Slice(LogIndex from, std::size_t count_max, std::size_t bytes_max) const;

  // Requires: entry.id.index == end(), unless this is the first entry of a log that never had any (a backup may start
  // anywhere, export-format.md §11); its term is not smaller than the last one's.
  void Append(Entry entry);
  // Requires: begin() <= index <= end().
  void TruncateFrom(LogIndex index);
  // Forgets the entries up to and including `last`. Requires: `last` is in the log.
  void PurgeTo(LogId last);
  // Forgets everything; the log continues after `last`.
  void Reset(LogId last);
  // Names the entry before the first one. Requires: purged() is not known; last.index + 1 == begin() or there are no
  // entries.
  void Anchor(LogId last);
  // Drops the oldest entries before `limit` from memory until the rest is within the limits.
  void Evict(LogIndex limit, const LogCacheLimits& limits);
  [[nodiscard]] bool IsWithin(const LogCacheLimits& limits) const {
    return cached_bytes_ <= limits.bytes_max && cache_.size() <= limits.items_max;
  }

 private:
  // Entries of one leader in one term, up to the next run or the end.
  struct Run {
    LogIndex first;
    Term term;
    NodeId leader;
  };
  [[nodiscard]] const Run& RunOf(LogIndex index) const;

  friend class StateDigest;  // names every member, for the exhaustive test
  std::optional<LogId> purged_;
  LogIndex begin_;
  LogIndex end_;
  std::deque<Run> runs_;     // ascending; the first one covers begin_, when there are entries
  std::deque<Entry> cache_;  // the newest entries, up to end_
  std::size_t cached_bytes_ = 0;
};

}  // namespace metasrv
