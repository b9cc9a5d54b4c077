#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <expected>
#include <memory>
#include <string>

#include "io/error.h"

namespace metasrv::io {

// What both databases of a node have in common: checksums on every read, no retry after a background error (K6), no
// periodic work and a short info log. `env` null: the operating system's.
[[nodiscard]] rocksdb::Options BaseOptions(rocksdb::Env* env);

// Opens or creates a database. Errors: kCorrupt, kIncompatible, kNoSpace, kIo.
[[nodiscard]] std::expected<std::unique_ptr<rocksdb::DB>, Error> OpenDb(const rocksdb::Options& options,
                                                                        const std::string& directory);

// Reads of one database have failed: a replica that cannot read its own data must not answer. Prints the reason,
// aborts.
[[noreturn]] void DieOfBadRead(const rocksdb::Status& status, const std::string& what);

}  // namespace metasrv::io
