#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
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
  std::optional<Incarnation> incarnation = std::nullopt;
  // Not part of the change: who issues it has other things to do meanwhile than to wait for it.
  bool in_background = false;
};

// Everything in the store.
struct LogContents {
  std::optional<NodeId> node_id;  // none: the store was never given an identity
  std::optional<HardState> hard_state;
  std::optional<LogId> committed;
  std::optional<LogId> purged;
  std::vector<Entry> entries;                             // contiguous, ascending
  std::optional<Incarnation> incarnation = std::nullopt;  // none: the store was never used by a node
};

// Figures for status and metrics; zeros where an engine has no counterpart.
struct LogStats {
  std::uint64_t wal_bytes = 0;   // bytes of log files on disk
  std::uint64_t wal_offset = 0;  // bytes ever written by this process
  std::uint64_t entry_count = 0;
  std::vector<std::uint64_t> closed_wal_bytes{};  // of wal_bytes, those of each complete file, oldest first
};

// Entries of a log as it was when the cursor was made, one at a time. Outlives later writes, and the store.
class EntryCursor {
 public:
  virtual ~EntryCursor() = default;
  // The next entry, or none behind the last one. A failed or damaged read ends the process with the reason.
  [[nodiscard]] virtual std::optional<Entry> Next() = 0;
};

// The Raft log, the hard state and the node's identity: the durable half of consensus. Clauses K1..K13 of
// docs/STORAGE.md are its contract, and one test suite checks every implementation against them.
//
// Used from the node's event loop; completions run on the loop, in the order of the writes, and do not destroy the
// store.
class LogStore {
 public:
  using Done = std::move_only_function<void(std::expected<void, Error>)>;

  // Entries in order, none when the first one asked for is not there.
  using ReadDone = std::move_only_function<void(std::expected<std::vector<Entry>, Error>)>;
  using Visitor = std::function<void(Entry entry)>;

  virtual ~LogStore() = default;

  // Reads the whole store and hands its entries to `visit`, in order and one at a time; `entries` of the result stays
  // empty. After an error the entries that were visited mean nothing. Sees every write issued by this instance, durable
  // or not (K1).
  // Errors: kCorrupt, kIo.
  [[nodiscard]] virtual std::expected<LogContents, Error> Visit(const Visitor& visit) const = 0;

  // As Visit, with the entries in the result: for tools and tests, since a log may be larger than memory.
  [[nodiscard]] std::expected<LogContents, Error> Load() const;

  // Reads entries [begin, end) and calls `done` with them on the loop, never from inside the call: without gap from
  // `begin` on, as many as are there and as fit `bytes_max`, but at least one if `begin` is there. Sees every write
  // that was durable when this was called, and none that was not issued by the time of the answer (K17). Does not wait
  // for writes; answers come in no order with theirs. Errors: kCorrupt, kIo.
  virtual void Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) const = 0;

  // Freezes entries [begin, end), seeing what Read sees. Requires: they are there and durable.
  [[nodiscard]] virtual std::unique_ptr<EntryCursor> Scan(LogIndex begin, LogIndex end) const = 0;

  // Issues one atomic change and calls `done` once it and every earlier one are durable. After the first error every
  // later write fails with kPoisoned (K6).
  virtual void Write(LogBatch batch, Done done) = 0;

  [[nodiscard]] virtual LogStats Stats() const = 0;

  // Bytes that may still be written to the disk of this store and of everything beside it; none when that is unknown.
  [[nodiscard]] virtual std::optional<std::uint64_t> FreeBytes() const { return std::nullopt; }
};

// A cursor over entries that are in memory.
class VectorCursor final : public EntryCursor {
 public:
  explicit VectorCursor(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  [[nodiscard]] std::optional<Entry> Next() override {
    return next_ < entries_.size() ? std::optional(entries_[next_++]) : std::nullopt;
  }

 private:
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
};

// What Read answers of `entries`, which are contiguous and ascending.
[[nodiscard]] std::vector<Entry> SliceOf(const std::vector<Entry>& entries, LogIndex begin, LogIndex end,
                                         std::size_t bytes_max);

}  // namespace metasrv::io
