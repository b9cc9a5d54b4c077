#pragma once

#include <expected>
#include <memory>
#include <string>

#include "server/config.h"
#include "server/grpc_tls.h"

namespace metasrv::server {

// TLS of the raft port: mutual, for those who call and those who are called, or none (docs/OPERATIONS.md).

[[nodiscard]] TlsFiles RaftTlsFiles(const RaftConfig& config);

// What to dial raft ports with; plain text without TLS. A member is dialled by others, too, under its advertised name.
// Errors: which file or name is wrong, and what to do about it.
[[nodiscard]] std::expected<std::shared_ptr<grpc::ChannelCredentials>, std::string> RaftChannelCredentials(
    const RaftConfig& config, PeerRole role);

// What gRPC said about a raft port that it could not reach, and what to do when TLS can be the reason.
[[nodiscard]] std::string ExplainUnreachable(const RaftConfig& config, std::string reason);

}  // namespace metasrv::server
