#pragma once

#include <deque>
#include <optional>

#include "consensus/types.h"

namespace metasrv {

// Follows the writes that are on their way to the disk and knows how much of the *present* log is durable: a completion
// counts only for entries that no later write has replaced, so write numbers decide, not (term, index)
// (otherwise a completion that is overtaken by a truncation would vouch for entries that are gone).
class Durability {
 public:
  Durability() = default;
  explicit Durability(LogIndex durable_end) : durable_end_(durable_end) {}

  // Numbers the next write. `cut`: the log was cut there first; `end`: end of the log after the write.
  PersistSeq Issue(std::optional<LogIndex> cut, LogIndex end);
  // Everything up to `seq` is on disk. Requires: seqs complete in order.
  void Complete(PersistSeq seq);
  // Entries before `end` are covered by the durable state machine.
  void CoverTo(LogIndex end);

  [[nodiscard]] LogIndex durable_end() const { return durable_end_; }
  [[nodiscard]] PersistSeq issued() const { return issued_; }
  [[nodiscard]] PersistSeq next() const { return PersistSeq(issued_.value() + 1); }
  [[nodiscard]] bool IsDurable(PersistSeq seq) const { return seq <= durable_; }
  // The write a promise made now must wait for; 0 when all is on disk.
  [[nodiscard]] PersistSeq Barrier() const { return IsDurable(issued_) ? PersistSeq(0) : issued_; }

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  struct Write {
    PersistSeq seq;
    LogIndex end;
  };
  std::deque<Write> in_flight_;
  PersistSeq issued_;
  PersistSeq durable_;
  LogIndex durable_end_;
};

}  // namespace metasrv
