#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "node/client_api.h"
#include "node/pump.h"
#include "node/snapshot_sender.h"
#include "sm/machine.h"

namespace metasrv::node {

// Makes the state durable every snapshot_logs_since_last entries, but at most once per snapshot_pause, or when there
// are flush_bytes of them, and lets consensus forget the log behind it, but for max_applied_log_to_keep entries, what a
// running transfer needs and, up to a cap, what peers that are alive and lag behind need: to be sent entries is cheaper
// for them than to be sent the state.
class Compaction {
 public:
  Compaction(Context& context, Pump& pump, const sm::Machine& machine, const SnapshotSender& sender);

  // Call for every applied entry, with what it changed.
  void OnApplied(const Entry& entry, const sm::Applied& applied);
  // Flushes now, or again when a flush is running.
  void Trigger();
  // The state was replaced by a durable one.
  void OnInstalled(const SnapshotMeta& meta);

  // What the durable state covers, and the rows it had then.
  [[nodiscard]] const std::optional<LogId>& durable() const { return durable_; }
  [[nodiscard]] const RowCounts& durable_rows() const { return durable_rows_; }
  [[nodiscard]] bool flushing() const { return flushing_; }
  // Changes of rows that flushes have made durable since the start.
  [[nodiscard]] std::uint64_t flushed_rows() const { return flushed_rows_; }

 private:
  // The entries that one flush covered, behind the ones before it.
  struct Segment {
    LogIndex end;
    std::uint64_t bytes = 0;
  };

  void TriggerWhenDue();
  // `changes`: that the flush covers.
  void OnFlushed(bool ok, std::optional<LogId> covers, const RowCounts& rows, std::uint64_t changes);
  [[nodiscard]] LogIndex FirstToKeep(LogIndex end) const;
  [[nodiscard]] std::optional<LogIndex> NeededByPeers() const;
  [[nodiscard]] LogIndex FirstWithin(std::uint64_t bytes_max, LogIndex end) const;

  Context& context_;
  Pump& pump_;
  const sm::Machine& machine_;
  const SnapshotSender& sender_;
  std::optional<LogId> durable_;
  RowCounts durable_rows_;
  RowCounts rows_;             // as of the last applied entry
  std::uint64_t applied_ = 0;  // entries since the last flush began ...
  std::uint64_t bytes_ = 0;    // ... their bytes ...
  std::uint64_t changes_ = 0;  // ... and the changes they made
  std::uint64_t flushed_rows_ = 0;
  std::deque<Segment> segments_;  // ascending, those that are not purged
  Instant pause_end_;             // entries alone cause no flush before
  Timer timer_;                   // ends the pause
  bool flushing_ = false;
  bool again_ = false;
};

}  // namespace metasrv::node
