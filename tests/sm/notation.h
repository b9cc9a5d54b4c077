#pragma once

#include <cstddef>
#include <cstdint>
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

// A read: "T0: GetKV k", "T0: MGetKV [a, b]", "T0: KvGetMany [a]", "T0: ListKV p", "T0: KvList p limit 2".
struct ReadText {
  WallMillis now;
  std::vector<std::string> keys;
  std::optional<std::string> prefix;
  std::size_t limit = SIZE_MAX;
};
[[nodiscard]] ReadText ParseRead(std::string_view text);

[[nodiscard]] std::string Print(const SmModel& state);
[[nodiscard]] std::string Print(const pb::AppliedState& reply);
[[nodiscard]] std::string Print(const std::vector<sm::Change>& changes);
// "k#5="v", b ∅", or "(nothing)".
[[nodiscard]] std::string Print(const std::vector<meta::StreamItem>& items);

}  // namespace metasrv::testing
