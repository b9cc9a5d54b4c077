#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "ctl/run.h"

namespace metasrv::ctl {

// What the commands around backups have in common.

// Text in double quotes with the quotes and backslashes inside escaped.
[[nodiscard]] std::string Quoted(std::string_view text);

// "0123456789abcdef", as a node shows it at /v1/cluster/state_hash.
[[nodiscard]] std::string StateHashText(std::uint64_t hash);

// The name of the snapshot that an import makes now (io/snapshot_id.h).
[[nodiscard]] std::string NewSnapshotId(const std::optional<LogId>& last_applied);

// The three lines that precede every use of a data directory (export-format.md §11.6). There is never anything to do:
// older directories come over by export and import.
void SayUpgradeCheck(const Terminal& terminal);

}  // namespace metasrv::ctl
