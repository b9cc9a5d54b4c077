#pragma once

#include <rocksdb/db.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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
[[nodiscard]] std::unique_ptr<sm::Iterator> ScanRows(rocksdb::DB& db, const rocksdb::Snapshot* snapshot,
                                                     Generation generation, std::string_view lower,
                                                     std::string_view upper);

// Pins what the generation holds now.
[[nodiscard]] std::shared_ptr<const sm::Snapshot> PinGeneration(std::shared_ptr<rocksdb::DB> db, Generation generation);

}  // namespace metasrv::io
