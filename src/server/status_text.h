#pragma once

#include <string>

#include "meta.pb.h"
#include "node/client_api.h"

namespace metasrv::server {

// "id=1 raft=localhost:28103 grpc=127.0.0.1:9191" (grpc-api.md §8.1).
[[nodiscard]] std::string NodeText(const meta::Node& node);

// "Leader", "Follower" ...; "Shutdown" once stopped.
[[nodiscard]] std::string StateText(const node::NodeStatus& status);

// Bytes of the log files that are complete.
[[nodiscard]] std::uint64_t ClosedBytes(const io::LogStats& log);

// Answer of GetClusterStatus (grpc-api.md §8.1).
[[nodiscard]] meta::ClusterStatus MakeClusterStatus(const node::NodeStatus& status);

// Bodies of the admin API, compact, members in the published order (operations.md §3.3).
[[nodiscard]] std::string StatusJson(const node::NodeStatus& status);
// `{"last_applied":..,"last_seq":..,"state_hash":"<16 hexadecimal digits>"}`: the hash of the state of that entry, in
// the form of `databend-metactl verify`.
[[nodiscard]] std::string StateHashJson(const node::NodeStatus& status);
[[nodiscard]] std::string NodesJson(const node::NodeStatus& status);
// What /v1/cluster/state of old answered: voters, non_voters and leader.
[[nodiscard]] std::string StateJson(const node::NodeStatus& status);

}  // namespace metasrv::server
