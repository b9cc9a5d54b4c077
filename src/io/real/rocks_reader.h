#pragma once

#include <rocksdb/db.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/real/row_cache.h"
#include "sm/store.h"

namespace metasrv::io {

// Rows of one generation live under its number (be64). Generation 0 is not one: it holds what is about the whole store.
using Generation = std::uint64_t;
inline constexpr Generation kFirstGeneration = 1;

// The prefix of the generation's rows; that of the next one is the first key behind them.
[[nodiscard]] std::string GenerationPrefix(Generation generation);

// One generation as an ordered map: at `snapshot`, or as it is now when that is null. `db` must outlive the reader's
// use. A failed read ends the process.
[[nodiscard]] std::optional<std::string> GetRow(rocksdb::DB& db, const rocksdb::Snapshot* snapshot,
                                                Generation generation, std::string_view key);
// As GetRow, from the cache if it is there, and then remembered there. `snapshot` is the state at `version`.
[[nodiscard]] std::optional<std::string> GetRowCached(rocksdb::DB& db, const rocksdb::Snapshot* snapshot,
                                                      Generation generation, RowCache& cache, RowCache::Version version,
                                                      std::string_view key);
// The rows as they are now. For as long as it lives the iterator keeps memtables and files that were replaced
// meanwhile.
[[nodiscard]] std::unique_ptr<sm::Iterator> ScanRows(rocksdb::DB& db, Generation generation, std::string_view lower,
                                                     std::string_view upper);

// Pins what the generation holds now; its iterators may be kept for long. `cache` holds rows of that generation.
// Requires: called on the thread that writes.
[[nodiscard]] std::shared_ptr<const sm::Snapshot> PinGeneration(std::shared_ptr<rocksdb::DB> db,
                                                                std::shared_ptr<RowCache> cache, Generation generation);

}  // namespace metasrv::io
