#pragma once

#include <rocksdb/status.h>

#include <string>

#include "io/error.h"

namespace metasrv::io {

// Turns RocksDB's answer into ours: the only place that does. `what` says what was tried, for the operator.
// Requires: !status.ok().
[[nodiscard]] inline Error ToError(const rocksdb::Status& status, const std::string& what) {
  const auto kind = [&status] {
    // A file that the database lists and the disk does not have is damage, not absence (K7).
    if (status.IsCorruption() || status.IsPathNotFound()) return ErrorKind::kCorrupt;
    if (status.IsNoSpace()) return ErrorKind::kNoSpace;
    if (status.IsNotFound()) return ErrorKind::kNotFound;
    if (status.IsInvalidArgument() || status.IsNotSupported()) return ErrorKind::kIncompatible;
    return ErrorKind::kIo;
  };
  return Error{kind(), what + ": " + status.ToString()};
}

}  // namespace metasrv::io
