#pragma once

#include <rocksdb/file_system.h>

#include <expected>
#include <string>

#include "io/error.h"

namespace metasrv::io {

// Cuts everything behind the last complete record off the newest write-ahead log of RocksDB in `directory`: space that
// was reserved, and a record that was being written when the power went. Such a record is told from a damaged one by
// what a disk does: it writes whole sectors, so that what is missing of a record is a sector of zeros, or lies behind
// the end of the file; and nothing was written behind it (docs/STORAGE.md, "Telling a torn tail from damage"). Does
// nothing when there is no such file. The cut is durable. Requires: every record was synced before the next one was
// begun, and no database is open there. Errors: kCorrupt, kIo.
[[nodiscard]] std::expected<void, Error> CutWalTail(rocksdb::FileSystem& files, const std::string& directory);

}  // namespace metasrv::io
