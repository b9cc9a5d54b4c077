#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "consensus/types.h"
#include "io/log_store.h"

namespace metasrv::sim {

// The positions that one log store holds, without payloads.
class LogOutline {
 public:
  void Apply(const io::LogBatch& batch);

  [[nodiscard]] const HardState& hard_state() const { return hard_state_; }
  [[nodiscard]] const std::optional<LogId>& purged() const { return purged_; }
  // The first index that is still in the log.
  [[nodiscard]] LogIndex begin() const { return begin_; }
  [[nodiscard]] LogIndex end() const { return LogIndex(begin_.value() + terms_.size()); }
  // The term of a present entry, or of the last purged one.
  [[nodiscard]] std::optional<Term> TermAt(LogIndex index) const;
  // The entry is there, or below the log, which presumes that a durable state contains it.
  [[nodiscard]] bool Covers(LogId id) const;

 private:
  void CutAt(LogIndex index);

  HardState hard_state_;
  std::optional<LogId> purged_;
  LogIndex begin_;  // after purged_; more only when a crash took the reset that made the log begin there
  std::deque<Term> terms_;
};

// What one node's log store has been asked to write, what of it is durable, and so what a crash right now could lose.
// Built from the calls of the store's user alone, so that it also judges the simulated disk.
class DiskLedger {
 public:
  // The store was opened and holds `contents`, all of it durable.
  void Recover(const io::LogContents& contents);
  void Issue(const io::LogBatch& batch);
  // The oldest issued batch has become durable.
  void Complete();
  // A durable state store stands for the entries up to `last`: whatever happens to the log, the node has them.
  // The last installed snapshot has the entry in it.
  [[nodiscard]] bool StateCovers(LogIndex index) const { return state_ && index <= state_->index; }
  void InstallState(LogId last) { state_ = state_ ? std::max(*state_, last) : last; }

  [[nodiscard]] const LogOutline& issued() const { return issued_; }
  [[nodiscard]] const LogOutline& durable() const { return durable_; }
  [[nodiscard]] std::size_t pending_count() const { return pending_.size(); }

  // The entry is present whatever a crash at this moment takes away.
  [[nodiscard]] bool SurvivesCrash(LogId id) const;

 private:
  LogOutline issued_;
  LogOutline durable_;
  std::deque<io::LogBatch> pending_;  // payloads dropped
  std::optional<LogId> state_;        // of the last installed snapshot
};

// Everything but the payloads.
[[nodiscard]] io::LogBatch WithoutPayloads(const io::LogBatch& batch);

}  // namespace metasrv::sim
