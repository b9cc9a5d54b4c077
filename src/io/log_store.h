#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <vector>

#include "consensus/types.h"
#include "io/error.h"

namespace metasrv::io {

// One atomic change of the log store. Members take effect in this order; absent members change nothing.
struct LogBatch {
  std::optional<NodeId> node_id;
  std::optional<HardState> hard_state;
  // The commit point known when the batch was made. Informational: it is written with other changes, never on its own,
  // so that it may lag by one entry after a stop (export-format.md §10.4).
  std::optional<LogId> committed;
  std::optional<LogId> reset_to;          // drop every entry; `purged` becomes this
  std::optional<LogIndex> truncate_from;  // drop entries at and after this index
  std::vector<Entry> append;              // contiguous; the first follows the last entry that is left
  std::optional<LogId> purge_to;          // drop entries up to and including this one; `purged` becomes this
};

// Everything in the store.
struct LogContents {
  std::optional<NodeId> node_id;  // none: the store was never given an identity
  std::optional<HardState> hard_state;
  std::optional<LogId> committed;
  std::optional<LogId> purged;
  std::vector<Entry> entries;  // contiguous, ascending
};

// Figures for status and metrics; zeros where an engine has no counterpart.
struct LogStats {
  std::uint64_t wal_bytes = 0;   // bytes of log files on disk
  std::uint64_t wal_offset = 0;  // bytes ever written by this process
  std::uint64_t entry_count = 0;
};

// The Raft log, the hard state and the node's identity: the durable half of consensus. Clauses K1..K13 of
// docs/STORAGE.md are its contract, and one test suite checks every implementation against them.
//
// Used from the node's event loop; completions run on the loop, in the order of the writes.
class LogStore {
 public:
  using Done = std::move_only_function<void(std::expected<void, Error>)>;

  virtual ~LogStore() = default;

  // Reads the whole store. Sees every write issued by this instance, durable or not (K1).
  // Errors: kCorrupt, kIo.
  [[nodiscard]] virtual std::expected<LogContents, Error> Load() const = 0;

  // Issues one atomic change and calls `done` once it and every earlier one are durable. After the first error every
  // later write fails with kPoisoned (K6).
  virtual void Write(LogBatch batch, Done done) = 0;

  [[nodiscard]] virtual LogStats Stats() const = 0;
};

}  // namespace metasrv::io
