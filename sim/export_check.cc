#include "sim/export_check.h"

#include <optional>

#include "sim/observed_state_store.h"
#include "sm/read.h"

namespace metasrv::sim {
namespace {

std::string Number(std::uint64_t number) { return std::to_string(number); }

// What is wrong with the state; empty: nothing.
std::string WhyWrongState(const sm::Reader& state, const History& history) {
  const std::optional<LogId> last = sm::ReadLastApplied(state);
  if (!last) return "";
  if (last->index >= history.end())
    return "its state is of entry " + Number(last->index.value()) + ", which nobody applied";
  const History::Step& step = history.At(last->index);
  if (step.id != *last) return "its state is of " + ToString(*last) + " instead of " + ToString(step.id);
  if (SumOfRows(state) != step.row_sum) return "its state at " + ToString(*last) + " has other rows than the history's";
  return "";
}

std::string WhyWrongEntry(const Entry& entry, LogIndex expected, const LogMatching& stored) {
  if (entry.id.index != expected) return "entry " + Number(expected.value()) + " is missing from its log";
  const LogMatching::Known* known = stored.Find(entry.id.term, entry.id.index);
  if (known != nullptr && known->entry == entry) return "";
  return "its log has an entry " + ToString(entry.id) + " that no node ever stored";
}

}  // namespace

void CheckExport(const std::string& who, const node::ExportSource& source, const History& history,
                 const LogMatching& stored, Verdict& verdict) {
  std::string wrong = WhyWrongState(*source.state, history);
  LogIndex end = source.purged ? source.purged->index.Next() : LogIndex(0);
  const std::optional<LogId> last = sm::ReadLastApplied(*source.state);
  const LogIndex applied_end = last ? last->index.Next() : LogIndex(0);
  if (end > applied_end) wrong = "its log leaves out what its state does not contain";
  while (wrong.empty()) {
    const std::optional<Entry> entry = source.log->Next();
    if (!entry) break;
    wrong = WhyWrongEntry(*entry, end, stored);
    const bool applied = wrong.empty() && entry->id.index < applied_end && entry->id.index >= history.begin();
    if (applied && history.At(entry->id.index).id != entry->id)
      wrong = "its log has " + ToString(entry->id) + ", which was not applied";
    end = end.Next();
  }
  if (wrong.empty() && end < applied_end) wrong = "its log ends before its state";
  if (wrong.empty() && source.committed && source.committed->index >= end) wrong = "it commits more than its log has";
  if (!wrong.empty()) verdict.Broken(kExportAgrees, who + ": " + wrong);
}

}  // namespace metasrv::sim
