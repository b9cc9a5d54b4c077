#pragma once

#include <cstdint>
#include <optional>

#include "node/client_api.h"
#include "node/pump.h"
#include "node/snapshot_sender.h"
#include "sm/machine.h"

namespace metasrv::node {

// Makes the state durable every snapshot_logs_since_last entries and lets consensus forget the log behind it, but for
// max_applied_log_to_keep entries and what a running transfer needs.
class Compaction {
 public:
  Compaction(Context& context, Pump& pump, const sm::Machine& machine, const SnapshotSender& sender);

  // Call for every applied entry, with what it changed.
  void OnApplied(const sm::Applied& applied);
  // Flushes now, or again when a flush is running.
  void Trigger();
  // The state was replaced by a durable one.
  void OnInstalled(const SnapshotMeta& meta);

  // What the durable state covers, and the rows it had then.
  [[nodiscard]] const std::optional<LogId>& durable() const { return durable_; }
  [[nodiscard]] const RowCounts& durable_rows() const { return durable_rows_; }

 private:
  void OnFlushed(bool ok, std::optional<LogId> covers, const RowCounts& rows);

  Context& context_;
  Pump& pump_;
  const sm::Machine& machine_;
  const SnapshotSender& sender_;
  std::optional<LogId> durable_;
  RowCounts durable_rows_;
  RowCounts rows_;             // as of the last applied entry
  std::uint64_t applied_ = 0;  // entries since the last flush began
  bool flushing_ = false;
  bool again_ = false;
};

}  // namespace metasrv::node
