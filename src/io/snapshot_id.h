#pragma once

#include <optional>
#include <string>

#include "common/ids.h"
#include "common/time.h"

namespace metasrv::io {

// What a snapshot is called in a data directory and to operators: "<term>-<node>-<index>-<milliseconds>", with nothing
// for the first three when there is no `last` (export-format.md §11.5).
[[nodiscard]] std::string SnapshotId(const std::optional<LogId>& last, WallMillis taken);

}  // namespace metasrv::io
