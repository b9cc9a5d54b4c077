#pragma once

#include <optional>
#include <string>

#include "consensus/raft.h"
#include "log.pb.h"
#include "node/options.h"

namespace metasrv::node {

// Text for operators, in the shapes of config-and-cli.md §5.3 and operations.md §5.2.

// "id=1, Leader, term=1, last_log=Some(3), last_applied=Some(T1-N1.3), membership={log_id:…, {voters:[…],
// learners:[…]}}"
[[nodiscard]] std::string DescribeMetrics(const RaftStatus& status, const std::optional<LogId>& last_applied);

// "{id=1 raft=localhost:28103 grpc=127.0.0.1:9191}"
[[nodiscard]] std::string DescribeSelf(const NodeOptions& options);

// The line for an applied command that changes the node table; empty for others.
[[nodiscard]] std::string DescribeNodeCommand(const pb::Command& command);

// "180s", "1.5s", "250ms".
[[nodiscard]] std::string DescribeDuration(Duration duration);

}  // namespace metasrv::node
