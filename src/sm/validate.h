#pragma once

#include <optional>
#include <string>

#include "log.pb.h"

namespace metasrv::sm {

// How deep predicates may nest. Deeper ones could be replicated, but not read back from a backup, whose lines nest two
// levels per predicate and at most 127 in all (export-format.md §1.2).
inline constexpr int kPredicateDepthMax = 50;

// Why `command` must not be replicated, in words for the client; nothing when the state machine can apply it. To be
// asked before a command from outside is proposed: what is in the log must be applicable (Machine::Apply).
[[nodiscard]] std::optional<std::string> WhyInvalid(const pb::Command& command);

}  // namespace metasrv::sm
