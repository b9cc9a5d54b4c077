#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <expected>
#include <optional>

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

// Reads and checks everything: one head, and exactly the entries that it promises. Errors: kCorrupt, kIo.
[[nodiscard]] std::expected<LogContents, Error> ReadLog(rocksdb::DB& db);

}  // namespace metasrv::io
