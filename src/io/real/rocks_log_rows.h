#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <vector>

#include "io/log_store.h"
#include "io/real/log_plan.h"

namespace metasrv::io {

// The newest batch in the database, and what the log holds after it.
struct LogHead {
  std::uint64_t number = 0;
  LogExtent extent;
};

// Adds the rows that `plan` changes.
[[nodiscard]] rocksdb::Status AddToBatch(const LogPlan& plan, rocksdb::WriteBatch& rows);

// The last entry that is no longer in the log. Errors: kCorrupt, kIo.
[[nodiscard]] std::expected<std::optional<LogId>, Error> ReadPurged(rocksdb::DB& db);

// Each batch writes its own row and deletes the row of the one before it. So there is exactly one, unless recovery lost
// a batch from the middle: then the row that it would have deleted is still there. Errors: kCorrupt, kIo.
[[nodiscard]] std::expected<LogHead, Error> ReadHead(rocksdb::DB& db);

// Reads and checks everything: one head, and exactly the entries that it promises, which are handed to `visit`.
// Errors: kCorrupt, kIo.
[[nodiscard]] std::expected<LogContents, Error> ReadLog(rocksdb::DB& db, const LogStore::Visitor& visit);

// LogStore::Read and LogStore::Scan.
[[nodiscard]] std::expected<std::vector<Entry>, Error> ReadEntries(rocksdb::DB& db, LogIndex begin, LogIndex end,
                                                                   std::size_t bytes_max);
[[nodiscard]] std::unique_ptr<EntryCursor> ScanEntries(std::shared_ptr<rocksdb::DB> db, LogIndex begin, LogIndex end);

}  // namespace metasrv::io
