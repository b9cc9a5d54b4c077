#include "io/real/rocks_log_rows.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "io/real/rocks_db.h"
#include "io/real/rocks_status.h"

namespace metasrv::io {
namespace {

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ViewOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::Status DropEntries(LogIndex first, LogIndex end, rocksdb::WriteBatch& rows) {
  return rows.DeleteRange(NumberedKey(kEntryTable, first.value()), NumberedKey(kEntryTable, end.value()));
}

rocksdb::Status PutEntry(const Entry& entry, rocksdb::WriteBatch& rows) {
  const std::string key = NumberedKey(kEntryTable, entry.id.index.value());
  const std::string head = EncodeEntryHead(key, entry);
  const std::array<rocksdb::Slice, 1> key_parts = {key};
  const std::array<rocksdb::Slice, 2> value_parts = {head, SliceOf(EntryPayload(entry))};
  return rows.Put({key_parts.data(), 1}, {value_parts.data(), 2});
}

rocksdb::Status PutScalars(const LogPlan& plan, rocksdb::WriteBatch& rows) {
  const LogBatch& batch = plan.batch;
  rocksdb::Status status;
  const auto put = [&](std::string_view key, const std::string& value) {
    if (status.ok()) status = rows.Put(SliceOf(key), value);
  };
  if (batch.node_id) put(kNodeIdRow, EncodeNodeId(*batch.node_id));
  if (batch.incarnation) put(kIncarnationRow, EncodeIncarnation(*batch.incarnation));
  if (batch.hard_state) put(kHardStateRow, EncodeHardState(*batch.hard_state));
  if (batch.committed) put(kCommittedRow, EncodeLogId(kCommittedRow, *batch.committed));
  if (plan.purged) put(kPurgedRow, EncodeLogId(kPurgedRow, *plan.purged));
  return status;
}

rocksdb::Status PutHead(const LogPlan& plan, rocksdb::WriteBatch& rows) {
  const std::string key = NumberedKey(kBatchTable, plan.number);
  rocksdb::Status status = rows.Put(key, EncodeExtent(key, plan.after));
  if (status.ok()) status = rows.Delete(NumberedKey(kBatchTable, plan.number - 1));
  return status;
}

std::unexpected<Error> Corrupt(const std::string& why) {
  return std::unexpected(Error{ErrorKind::kCorrupt, "raft log: " + why});
}

// Calls `visit` for each row of one table in key order until it returns an error.
template <class Visit>
std::expected<void, Error> VisitTable(rocksdb::DB& db, char table, Visit visit) {
  const std::string lower(1, table);
  const std::string upper(1, static_cast<char>(table + 1));
  const rocksdb::Slice upper_bound(upper);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> rows(db.NewIterator(options));
  for (rows->Seek(lower); rows->Valid(); rows->Next()) {
    if (std::expected<void, Error> visited = visit(ViewOf(rows->key()), ViewOf(rows->value())); !visited)
      return visited;
  }
  if (!rows->status().ok()) return std::unexpected(ToError(rows->status(), "read raft log"));
  return {};
}

// The decoded row, or nothing when it is absent.
template <class T, class Decode>
std::expected<std::optional<T>, Error> ReadScalar(rocksdb::DB& db, std::string_view key, Decode decode) {
  std::string value;
  const rocksdb::Status status = db.Get({}, SliceOf(key), &value);
  if (status.IsNotFound()) return std::optional<T>();
  if (!status.ok()) return std::unexpected(ToError(status, "read raft log"));
  std::expected<T, Error> decoded = decode(value);
  if (!decoded) return std::unexpected(decoded.error());
  return std::optional<T>(*decoded);
}

std::expected<std::optional<LogId>, Error> ReadLogId(rocksdb::DB& db, std::string_view key) {
  return ReadScalar<LogId>(db, key, [key](std::string_view value) { return DecodeLogId(key, value); });
}

std::expected<void, Error> ReadScalars(rocksdb::DB& db, LogContents& contents) {
  auto node_id = ReadScalar<NodeId>(db, kNodeIdRow, DecodeNodeId);
  if (!node_id) return std::unexpected(node_id.error());
  auto incarnation = ReadScalar<Incarnation>(db, kIncarnationRow, DecodeIncarnation);
  if (!incarnation) return std::unexpected(incarnation.error());
  auto hard_state = ReadScalar<HardState>(db, kHardStateRow, DecodeHardState);
  if (!hard_state) return std::unexpected(hard_state.error());
  auto committed = ReadLogId(db, kCommittedRow);
  if (!committed) return std::unexpected(committed.error());
  auto purged = ReadPurged(db);
  if (!purged) return std::unexpected(purged.error());
  contents.node_id = *node_id;
  contents.incarnation = *incarnation;
  contents.hard_state = *hard_state;
  contents.committed = *committed;
  contents.purged = *purged;
  return {};
}

std::expected<void, Error> CheckComplete(const LogExtent& promised, const LogContents& found, std::uint64_t count) {
  if (count < promised.Count()) {
    return Corrupt("entry " + std::to_string(promised.first.value() + count) + " is missing");
  }
  if (promised.anchored != found.purged.has_value()) return Corrupt("the purged log id is missing");
  if (found.purged && promised.first != found.purged->index.Next()) {
    return Corrupt("entry " + std::to_string(found.purged->index.value() + 1) + " should be the first one");
  }
  return {};
}

// Decoded entries from `begin` up to `end`, over one consistent view of the database.
class EntryRows {
 public:
  EntryRows(rocksdb::DB& db, LogIndex begin, LogIndex end)
      : next_(begin), upper_(NumberedKey(kEntryTable, end.value())), upper_slice_(upper_) {
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper_slice_;
    options.fill_cache = false;
    rows_.reset(db.NewIterator(options));
    rows_->Seek(NumberedKey(kEntryTable, begin.value()));
  }

  // The next entry; none at the end and where one is missing.
  std::expected<std::optional<Entry>, Error> Next() {
    if (!rows_->Valid()) {
      if (!rows_->status().ok()) return std::unexpected(ToError(rows_->status(), "read raft log"));
      return std::optional<Entry>();
    }
    auto entry = DecodeEntry(ViewOf(rows_->key()), ViewOf(rows_->value()));
    if (!entry) return std::unexpected(entry.error());
    if (entry->id.index != next_) return std::optional<Entry>();
    next_ = next_.Next();
    rows_->Next();
    return std::optional<Entry>(*std::move(entry));
  }

 private:
  LogIndex next_;
  const std::string upper_;
  const rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

class RocksEntryCursor final : public EntryCursor {
 public:
  RocksEntryCursor(std::shared_ptr<rocksdb::DB> db, LogIndex begin, LogIndex end)
      : db_(std::move(db)), rows_(*db_, begin, end), missing_(end.value() - begin.value()) {}

  std::optional<Entry> Next() override {
    if (missing_ == 0) return std::nullopt;
    auto entry = rows_.Next();
    if (!entry) DieOfBadRead(rocksdb::Status::Corruption(entry.error().detail), "read raft log");
    if (!*entry) DieOfBadRead(rocksdb::Status::Corruption("an entry is missing"), "read raft log");
    --missing_;
    return *std::move(entry);
  }

 private:
  std::shared_ptr<rocksdb::DB> db_;  // outlives the rows
  EntryRows rows_;
  std::uint64_t missing_;
};

}  // namespace

std::expected<std::vector<Entry>, Error> ReadEntries(rocksdb::DB& db, LogIndex begin, LogIndex end,
                                                     std::size_t bytes_max) {
  EntryRows rows(db, begin, end);
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  while (true) {
    auto entry = rows.Next();
    if (!entry) return std::unexpected(entry.error());
    if (!*entry) return entries;
    bytes += (*entry)->ByteSize();
    if (!entries.empty() && bytes > bytes_max) return entries;
    entries.push_back(**std::move(entry));
  }
}

std::unique_ptr<EntryCursor> ScanEntries(std::shared_ptr<rocksdb::DB> db, LogIndex begin, LogIndex end) {
  return std::make_unique<RocksEntryCursor>(std::move(db), begin, end);
}

rocksdb::Status AddToBatch(const LogPlan& plan, rocksdb::WriteBatch& rows) {
  rocksdb::Status status = PutScalars(plan, rows);
  if (status.ok() && plan.drop_from < plan.before.end) status = DropEntries(plan.drop_from, plan.before.end, rows);
  for (const Entry& entry : plan.batch.append) {
    if (status.ok()) status = PutEntry(entry, rows);
  }
  // Last, because a purge may cover entries of this very batch.
  if (status.ok() && plan.before.first < plan.after.first) {
    status = DropEntries(plan.before.first, plan.after.first, rows);
  }
  if (status.ok()) status = PutHead(plan, rows);
  return status;
}

std::expected<std::optional<LogId>, Error> ReadPurged(rocksdb::DB& db) { return ReadLogId(db, kPurgedRow); }

std::expected<LogHead, Error> ReadHead(rocksdb::DB& db) {
  LogHead head;
  auto visited = VisitTable(db, kBatchTable, [&head](std::string_view key, std::string_view value) {
    const auto number = NumberOfKey(key);
    auto extent = DecodeExtent(key, value);
    if (!extent) return std::expected<void, Error>(std::unexpected(extent.error()));
    if (!number || head.number != 0) {
      return std::expected<void, Error>(
          Corrupt("the write after batch " + std::to_string(head.number) + " is missing, later ones are there"));
    }
    head = {*number, *extent};
    return std::expected<void, Error>();
  });
  if (!visited) return std::unexpected(visited.error());
  return head;
}

std::expected<LogContents, Error> ReadLog(rocksdb::DB& db, const LogStore::Visitor& visit) {
  const auto head = ReadHead(db);
  if (!head) return std::unexpected(head.error());
  LogContents contents;
  if (auto read = ReadScalars(db, contents); !read) return std::unexpected(read.error());
  LogIndex next = head->extent.first;
  auto visited = VisitTable(db, kEntryTable, [&](std::string_view key, std::string_view value) {
    auto entry = DecodeEntry(key, value);
    if (!entry) return std::expected<void, Error>(std::unexpected(entry.error()));
    if (entry->id.index != next || next >= head->extent.end) {
      return std::expected<void, Error>(Corrupt("entry " + std::to_string(next.value()) + " is missing or entry " +
                                                std::to_string(entry->id.index.value()) + " is too much"));
    }
    next = next.Next();
    visit(*std::move(entry));
    return std::expected<void, Error>();
  });
  if (!visited) return std::unexpected(visited.error());
  const std::uint64_t count = next.value() - head->extent.first.value();
  if (auto complete = CheckComplete(head->extent, contents, count); !complete) return std::unexpected(complete.error());
  return contents;
}

}  // namespace metasrv::io
