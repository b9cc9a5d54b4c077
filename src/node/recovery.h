#pragma once

#include <expected>
#include <optional>
#include <string>

#include "consensus/types.h"
#include "io/error.h"
#include "io/log_store.h"
#include "sm/store.h"

namespace metasrv::node {

// What consensus starts from, and what the log store must be told first.
struct RecoveredDisk {
  Recovered recovered;
  std::optional<io::LogBatch> repair;  // to be written before anything else
  std::optional<LogId> reset_later;    // the log's start, to be written with its first entries and not on its own
  std::uint64_t log_time = 0;          // of the newest entry that has a time
  std::string note;                    // for the operator, when something was put right
};

// Reads what the durable state machine contains.
// Errors: kCorrupt.
[[nodiscard]] std::expected<SnapshotMeta, io::Error> ReadStateMeta(const sm::Reader& state);

// Brings log and state together. Two writes of one node can be cut apart by a crash: an installed snapshot and the
// reset of the log behind it, where the state wins; or an entry and the term it was written in, where the term is that
// of the entry, without a vote. Entries that are missing from the front of the log without having been purged (an
// import, export-format.md §13.5) are fine when the state contains them.
// Errors: kCorrupt when entries that the state needs are in neither.
[[nodiscard]] std::expected<RecoveredDisk, io::Error> Recover(io::LogContents contents, SnapshotMeta state);

}  // namespace metasrv::node
