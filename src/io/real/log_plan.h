#pragma once

#include <cstdint>
#include <optional>

#include "io/log_store.h"
#include "io/real/log_codec.h"

namespace metasrv::io {

// A LogBatch together with what it means for the log it is applied to: which of the old entries go, and what is left.
struct LogPlan {
  LogBatch batch;
  LogExtent before;
  LogExtent after;
  LogIndex drop_from;           // old entries at and after this index go (K5)
  std::optional<LogId> purged;  // the new value, when it changes
  std::uint64_t number = 0;     // counts batches from 1 over the life of the store

  [[nodiscard]] std::size_t ByteSize() const;
};

// True when the entries of `batch` do not continue a log with extent `before`.
[[nodiscard]] bool LeavesGap(const LogBatch& batch, const LogExtent& before);

// Requires: !LeavesGap(batch, before). `purged` is that of the log before the batch; it never goes back (K9, K11),
// except by a reset.
[[nodiscard]] LogPlan MakeLogPlan(LogBatch batch, const LogExtent& before, const std::optional<LogId>& purged);

}  // namespace metasrv::io
