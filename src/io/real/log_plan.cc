#include "io/real/log_plan.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace metasrv::io {
namespace {

// The log after reset and truncation, before the append.
LogExtent Cut(const LogBatch& batch, LogExtent extent) {
  if (batch.reset_to) {
    const LogIndex next = batch.reset_to->index.Next();
    extent = {next, next, true};
  }
  if (batch.truncate_from) {
    extent.end = std::clamp(*batch.truncate_from, extent.first, extent.end);
  }
  return extent;
}

// An empty log that nothing was purged from may begin anywhere (export-format.md §11: a backup may start at any index).
bool BeginsAnywhere(const LogExtent& extent) { return extent.Count() == 0 && !extent.anchored; }

LogExtent Extend(const std::vector<Entry>& entries, LogExtent extent) {
  if (entries.empty()) return extent;
  LogIndex next = entries.front().id.index;
  if (BeginsAnywhere(extent)) {
    extent.first = next;
  } else {
    CHECK_EQ(next, extent.end);
  }
  for (const Entry& entry : entries) {
    CHECK_EQ(entry.id.index, next);
    next = next.Next();
  }
  extent.end = next;
  return extent;
}

LogExtent Purge(LogIndex last, LogExtent extent) {
  extent.first = std::max(extent.first, last.Next());
  extent.end = std::max(extent.end, extent.first);
  extent.anchored = true;
  return extent;
}

}  // namespace

std::size_t LogPlan::ByteSize() const {
  std::size_t bytes = 0;
  for (const Entry& entry : batch.append) bytes += entry.ByteSize();
  return bytes;
}

LogPlan MakeLogPlan(LogBatch batch, const LogExtent& before, const std::optional<LogId>& purged) {
  LogPlan plan;
  plan.before = before;
  const LogExtent left = Cut(batch, before);
  plan.drop_from = batch.reset_to ? before.first : std::min(left.end, before.end);
  plan.after = Extend(batch.append, left);
  if (batch.reset_to) plan.purged = batch.reset_to;
  const std::optional<LogId> known = plan.purged ? plan.purged : purged;
  if (batch.purge_to && (!known || batch.purge_to->index > known->index)) {
    plan.purged = batch.purge_to;
    plan.after = Purge(batch.purge_to->index, plan.after);
  }
  plan.batch = std::move(batch);
  return plan;
}

}  // namespace metasrv::io
