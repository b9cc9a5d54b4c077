#pragma once

#include <optional>
#include <string>

#include "log.pb.h"

namespace metasrv::sm {

// How deep predicates may nest: as deep as protobuf reads them with its limit of 100 levels (grpc-api.md §2.6), of
// which the branch around the predicate and the condition in it take one each.
inline constexpr int kPredicateDepthMax = 98;

// Why `command` must not be replicated, in words for the client; nothing when the state machine can apply it. To be
// asked before a command from outside is proposed: what is in the log must be applicable (Machine::Apply), and its line
// in a backup must be readable.
[[nodiscard]] std::optional<std::string> WhyInvalid(const pb::Command& command);

}  // namespace metasrv::sm
