#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "consensus/raft.h"
#include "io/error.h"
#include "io/log_store.h"
#include "sm/store.h"

namespace metasrv::node {

// What becomes of the entries of a stored log, taken in one at a time: their ids, the newest of them in memory, and
// what is needed of those that the state does not contain yet.
class StoredLog {
 public:
  using Listener = std::function<void(const Entry&)>;

  // `on_unapplied` sees every entry that the state does not contain.
  StoredLog(const SnapshotMeta& state, const LogCacheLimits& cache, Listener on_unapplied);

  // The next entry. One that leaves a gap is dropped, with all that follow it.
  void Add(Entry entry);

  [[nodiscard]] bool empty() const { return log_.begin() == log_.end(); }
  [[nodiscard]] bool has_gap() const { return has_gap_; }
  [[nodiscard]] const Log& log() const { return log_; }
  // Of the newest entry that has a time.
  [[nodiscard]] std::uint64_t time() const { return time_; }
  // The log behind entry `before`, when there is one. Requires: `before` precedes the first entry.
  [[nodiscard]] Log TakeLog(std::optional<LogId> before);
  [[nodiscard]] std::vector<Entry> TakeMemberships() { return std::move(memberships_); }

 private:
  LogIndex applied_end_;
  LogCacheLimits cache_;
  Listener on_unapplied_;
  Log log_;
  std::vector<Entry> memberships_;  // that the state does not contain
  std::uint64_t time_ = 0;
  bool has_gap_ = false;
};

// What consensus starts from, and what the log store must be told first.
struct RecoveredDisk {
  Recovered recovered;
  std::optional<io::LogBatch> repair;  // to be written before anything else
  std::optional<LogId> reset_later;    // the log's start, to be written with its first entries and not on its own
  std::uint64_t log_time = 0;          // of the newest entry that has a time
  std::string note;                    // for the operator, when something was put right
};

// Reads what the durable state machine contains.
// Errors: kCorrupt.
[[nodiscard]] std::expected<SnapshotMeta, io::Error> ReadStateMeta(const sm::Reader& state);

// Brings log and state together. Two writes of one node can be cut apart by a crash: an installed snapshot and the
// reset of the log behind it, where the state wins; or an entry and the term it was written in, where the term is that
// of the entry, without a vote. Entries that are missing from the front of the log without having been purged (an
// import, export-format.md §13.5) are fine when the state contains them.
// Errors: kCorrupt when entries that the state needs are in neither.
//
// `contents` comes without entries; they are in `log`.
[[nodiscard]] std::expected<RecoveredDisk, io::Error> Recover(const io::LogContents& contents, StoredLog log,
                                                              SnapshotMeta state);

}  // namespace metasrv::node
