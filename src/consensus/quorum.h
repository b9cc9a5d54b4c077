#pragma once

#include <cstddef>
#include <functional>

#include "consensus/membership.h"

namespace metasrv {

// How many of `voter_count` voters make a majority.
[[nodiscard]] std::size_t MajorityOf(std::size_t voter_count);

// Whether the nodes that satisfy `has` form a majority of every config (thesis §4.3). Without configs there is no
// quorum.
[[nodiscard]] bool HasQuorum(const Membership& membership, const std::function<bool(NodeId)>& has);

// The largest value that a majority of every config has reached; `reached` tells each voter's. Without configs 0.
[[nodiscard]] std::uint64_t QuorumValue(const Membership& membership,
                                        const std::function<std::uint64_t(NodeId)>& reached);

}  // namespace metasrv
