// Backups of a node's whole life: what is exported after any history, and what an import of it can be gone on with.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backup/record.h"
#include "sm/layout.h"
#include "sm/machine.h"
#include "sm/read.h"
#include "tests/backup/document.h"
#include "tests/backup/old_document.h"
#include "tests/backup/random_records.h"
#include "tests/sm/random_commands.h"

namespace metasrv::backup {
namespace {

Entry AnyEntryOfALife(LogId id) {
  switch (Below(12)) {
    case 0: return Entry::Blank(id);
    case 1: {
      Membership membership{{{NodeId(1)}}, {NodeId(1)}};
      if (Coin()) membership.nodes.push_back(NodeId(2));
      return Entry::OfMembership(id, std::move(membership));
    }
    default: return Entry::Normal(id, (*testing::AnyCommand()).SerializeAsString());
  }
}

// At least one entry: a directory without any exports fewer lines than its import does (export-format.md §10.6, N24).
std::vector<Entry> AnyLog() {
  std::vector<Entry> entries;
  std::uint64_t term = 0;
  for (std::uint64_t i = 0, count = static_cast<std::uint64_t>(1 + Below(24)); i < count; ++i) {
    term += Below(5) == 0 ? 1 : 0;
    entries.push_back(AnyEntryOfALife({Term(term), NodeId(1), LogIndex(i)}));
  }
  return entries;
}

void Apply(sm::Machine& machine, const Entry& entry) {
  meta::Membership membership;
  sm::LogEntry applied{entry.id, {}, nullptr};
  if (entry.kind == EntryKind::kNormal) applied.command = *entry.payload;
  if (entry.kind == EntryKind::kMembership) {
    membership = ToProto(*entry.membership);
    applied.membership = &membership;
  }
  RC_ASSERT(machine.Apply(std::span(&applied, 1)).has_value());
}

// What a backup carries of a state (export-format.md §4.3): everything but features, the log time and the stored hash.
// No sequence and no membership are the same as the first of each.
std::vector<sm::Row> BackedUp(const sm::Reader& state) {
  std::vector<sm::Row> rows;
  for (const char table : {sm::kRecordTable, sm::kExpireTable, sm::kNodeTable}) {
    const std::string name(1, table);
    for (auto row = state.Scan(name, sm::PrefixEnd(name)); row->Valid(); row->Next()) {
      rows.emplace_back(row->key(), row->value());
    }
  }
  rows.emplace_back(sm::kLastSeqRow, std::to_string(sm::ReadLastSeq(state)));
  rows.emplace_back(sm::kLastAppliedRow, state.Get(sm::kLastAppliedRow).value_or(""));
  const pb::StoredMembership membership = sm::ReadLastMembership(state);
  rows.emplace_back(sm::kLastMembershipRow, membership.membership().SerializeAsString());
  if (membership.has_log_id()) rows.emplace_back(sm::kLastMembershipRow, membership.log_id().SerializeAsString());
  return rows;
}

void Store(io::LogStore& log, io::LogBatch batch) {
  log.Write(std::move(batch), [](const auto& done) { RC_ASSERT(done.has_value()); });
}

// A directory whose state has `applied` of the entries and whose log has lost `purged` of them.
std::unique_ptr<Directory> DirectoryAfter(const std::vector<Entry>& entries, std::size_t applied, std::size_t purged) {
  auto directory = std::make_unique<Directory>();
  io::LogBatch batch;
  batch.append = entries;
  batch.node_id = NodeId(AnyU64());
  if (Coin()) batch.hard_state = HardStateOf(AnyVote());
  if (applied > 0) batch.committed = entries[applied - 1].id;
  Store(directory->log, std::move(batch));
  if (purged > 0) {
    io::LogBatch purge;
    purge.purge_to = entries[purged - 1].id;
    Store(directory->log, std::move(purge));
  }
  sm::Machine machine(directory->state);
  for (std::size_t i = 0; i < applied; ++i) Apply(machine, entries[i]);
  return directory;
}

RC_GTEST_PROP(Backup, OfAnyHistoryComesBackByteForByteAndGoesOnAsIfNothingHadHappened, ()) {
  const std::vector<Entry> entries = AnyLog();
  const auto applied = static_cast<std::size_t>(Below(static_cast<int>(entries.size()) + 1));
  const auto purged = static_cast<std::size_t>(Below(static_cast<int>(applied) + 1));
  const auto original = DirectoryAfter(entries, applied, purged);
  const Lines exported = Export(*original);
  const auto imported = Import(exported);
  RC_ASSERT(imported.has_value());
  RC_ASSERT(Export(**imported) == exported);
  RC_ASSERT(BackedUp((*imported)->state) == BackedUp(original->state));

  const io::LogContents log = *(*imported)->log.Load();
  RC_ASSERT(log.entries.size() == entries.size() - purged);
  sm::Machine before(original->state);
  sm::Machine after((*imported)->state);
  for (const Entry& entry : log.entries) {
    if (entry.id.index < LogIndex(applied)) continue;
    Apply(before, entries[entry.id.index.value()]);
    Apply(after, entry);
  }
  RC_ASSERT(BackedUp((*imported)->state) == BackedUp(original->state));
}

RC_GTEST_PROP(Backup, OfAWholeLogGivesTheStateThatTheLogGave, ()) {
  const std::vector<Entry> entries = AnyLog();
  const auto original = DirectoryAfter(entries, entries.size(), 0);
  const auto imported = Import(Export(*original));
  RC_ASSERT(imported.has_value());
  sm::MemStore replayed;
  sm::Machine machine(replayed);
  const io::LogContents log = *(*imported)->log.Load();
  for (const Entry& entry : log.entries) Apply(machine, entry);
  RC_ASSERT(BackedUp(replayed) == BackedUp((*imported)->state));
  RC_ASSERT(sm::ReadFeatures(replayed) == sm::ReadFeatures(original->state));
}

RC_GTEST_PROP(OldDocuments, AreImportedAsTheCanonicalOnesThatTheyMean, ()) {
  const Lines canonical = AnyDocument();
  const Lines old = AnyOldDocument(canonical);
  const auto directory = Import(old);
  if (!directory) RC_FAIL(directory.error());
  const Lines exported = Export(**directory);
  RC_ASSERT(exported == canonical);
  const auto again = Import(exported);
  RC_ASSERT(again.has_value());
  RC_ASSERT(Export(**again) == exported);
}

}  // namespace
}  // namespace metasrv::backup
