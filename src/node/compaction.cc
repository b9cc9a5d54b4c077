#include "node/compaction.h"

#include <algorithm>
#include <utility>

#include "sm/layout.h"

namespace metasrv::node {
namespace {

bool Expires(const std::optional<meta::SeqV>& record) { return record && record->meta().has_expire_at(); }

void Count(const sm::Change& change, RowCounts& rows) {
  rows.records += std::uint64_t{change.after.has_value()} - std::uint64_t{change.before.has_value()};
  rows.expiries += std::uint64_t{Expires(change.after)} - std::uint64_t{Expires(change.before)};
}

std::uint64_t CountTable(const sm::Reader& state, char table) {
  std::uint64_t count = 0;
  const std::string prefix(1, table);
  for (auto rows = state.Scan(prefix, sm::PrefixEnd(prefix)); rows->Valid(); rows->Next()) ++count;
  return count;
}

RowCounts CountRows(const sm::Reader& state) {
  return {CountTable(state, sm::kRecordTable), CountTable(state, sm::kExpireTable)};
}

}  // namespace

Compaction::Compaction(Context& context, Pump& pump, const sm::Machine& machine, const SnapshotSender& sender)
    : context_(context), pump_(pump), machine_(machine), sender_(sender), durable_(machine.last_applied()) {
  rows_ = durable_rows_ = CountRows(context_.env.state_store);
}

void Compaction::OnApplied(const sm::Applied& applied) {
  for (const sm::Change& change : applied.changes) Count(change, rows_);
  if (++applied_ >= context_.options.snapshot_logs_since_last && !flushing_) Trigger();
}

void Compaction::Trigger() {
  if (flushing_) {
    again_ = true;
    return;
  }
  flushing_ = true;
  applied_ = 0;
  context_.env.state_store.Flush(context_.lifetime.Guard(
      [this, covers = machine_.last_applied(), rows = rows_](bool ok) { OnFlushed(ok, covers, rows); }));
}

void Compaction::OnFlushed(bool ok, std::optional<LogId> covers, const RowCounts& rows) {
  flushing_ = false;
  if (!ok) return pump_.Fail("state store: a flush failed");
  if (covers && (!durable_ || durable_->index < covers->index)) {
    durable_ = covers;
    durable_rows_ = rows;
  }
  if (durable_) {
    const std::uint64_t end = durable_->index.value() + 1;
    LogIndex begin(end - std::min(end, context_.options.max_applied_log_to_keep));
    if (auto needed = sender_.oldest_end()) begin = std::min(begin, *needed);
    pump_.Feed(Compact{begin});
  }
  if (std::exchange(again_, false)) Trigger();
}

void Compaction::OnInstalled(const SnapshotMeta& meta) {
  durable_ = meta.last;
  rows_ = durable_rows_ = CountRows(context_.env.state_store);
  applied_ = 0;
}

}  // namespace metasrv::node
