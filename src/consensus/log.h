#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "consensus/types.h"

namespace metasrv {

// The entries a node has, in memory. Invariants: indexes are contiguous from begin() to end(); terms never fall; entry
// begin() - 1, when there is one, is `purged()` if its id is known. Knows nothing of commit or durability.
class Log {
 public:
  Log() = default;
  // Requires: `entries` contiguous, and right after `purged` when that is set.
  Log(std::optional<LogId> purged, std::vector<Entry> entries);

  [[nodiscard]] LogIndex begin() const { return begin_; }
  [[nodiscard]] LogIndex end() const { return LogIndex(begin_.value() + entries_.size()); }
  [[nodiscard]] std::optional<LogId> purged() const { return purged_; }
  // The newest id: that of the last entry, or else the purged one.
  [[nodiscard]] std::optional<LogId> last() const;
  [[nodiscard]] std::optional<Term> last_term() const;

  // Requires: begin() <= index < end().
  [[nodiscard]] const Entry& At(LogIndex index) const;
  // Known for the entries and for the purged one.
  [[nodiscard]] std::optional<LogId> IdAt(LogIndex index) const;
  // Id of the entry before the first `end` ones: none when end is 0 or the entry is no longer known.
  [[nodiscard]] std::optional<LogId> IdBefore(LogIndex end) const;

  // Entries from `from` on, at most `count_max`, and no more than `bytes_max` unless one entry alone is larger.
  [[nodiscard]] std::vector<Entry> Slice(LogIndex from, std::size_t count_max, std::size_t bytes_max) const;

  // The largest end <= `limit` whose last entry has a term <= `term`, or that is as far back as the log knows
  // (conflict search by term, thesis §5.3; term hints on both sides).
  [[nodiscard]] LogIndex LastEndNotAfter(LogIndex limit, Term term) const;

  // Requires: entry.id.index == end(); its term is not smaller than the last one's.
  void Append(Entry entry);
  // Requires: begin() <= index <= end().
  void TruncateFrom(LogIndex index);
  // Forgets the entries up to and including `last`. Requires: `last` is in the log.
  void PurgeTo(LogId last);
  // Forgets everything; the log continues after `last`.
  void Reset(LogId last);

 private:
  std::optional<LogId> purged_;
  LogIndex begin_;
  std::deque<Entry> entries_;
};

}  // namespace metasrv
