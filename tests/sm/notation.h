#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log.pb.h"
#include "sm/machine.h"
#include "sm/store.h"
#include "tests/support/sm_model.h"

namespace metasrv::testing {

// The notation of the worked examples, see README.md of this directory.

// "S=5; k#5="v"^T0+10; nodes {1=A}; features {dummy}" as the state it denotes. Records carry `proposed_at_ms`.
[[nodiscard]] SmModel ParseState(std::string_view text, std::uint64_t proposed_at_ms);
// The rows a store holds in that state.
[[nodiscard]] sm::WriteBatch RowsOf(const SmModel& state);
// Reads a whole store back; checks that the expiry index has one row per expiring record and no other.
[[nodiscard]] SmModel StateOf(const sm::Reader& store);

// An entry to apply: "T0+11: <command>", "membership" or "blank".
struct EntryText {
  std::optional<pb::Command> command;
  bool is_membership = false;
};
[[nodiscard]] EntryText ParseEntry(std::string_view text);

[[nodiscard]] std::string Print(const SmModel& state);
[[nodiscard]] std::string Print(const pb::AppliedState& reply);
[[nodiscard]] std::string Print(const std::vector<sm::Change>& changes);

}  // namespace metasrv::testing
