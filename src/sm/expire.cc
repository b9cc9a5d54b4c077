#include "sm/expire.h"

#include <optional>
#include <utility>

#include "sm/layout.h"

namespace metasrv::sm {
namespace {

// An imported backup may hold rows that no record stands behind.
bool Names(const ExpireEntry& row, const meta::SeqV* record) {
  return record != nullptr && record->seq() == row.seq && record->meta().has_expire_at() &&
         ExpireMillis(record->meta().expire_at()) == row.time_ms;
}

}  // namespace

void SweepExpired(const EntryContext& entry) {
  while (std::optional<ExpireEntry> row = entry.state.FirstExpiring(entry.time_ms)) {
    if (!Names(*row, entry.state.FindRecord(row->key))) {
      entry.state.DropExpireRow(row->time_ms, row->seq);
      continue;
    }
    std::optional<meta::SeqV> before = entry.state.ReplaceRecord(row->key, std::nullopt);
    entry.changes.push_back({std::move(row->key), std::move(before), std::nullopt});
  }
}

}  // namespace metasrv::sm
