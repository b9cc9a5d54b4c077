#pragma once

#include <string>

#include "node/client_api.h"
#include "node/watch.h"

namespace metasrv::server {

// The gRPC status codes that this server answers with, by their wire numbers (grpc-api.md §1.5).
enum class CallCode : int {
  kCancelled = 1,
  kInvalidArgument = 3,
  kResourceExhausted = 8,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

// Why a call failed, as the client sees it.
struct CallError {
  CallCode code{};
  std::string text;
};

// Whether a call that finds no leader sends its client elsewhere or reports that it could not be passed on (grpc-api.md
// §3).
enum class Routing { kForward, kRedirect };

// Requires: result.status is not kApplied.
[[nodiscard]] CallError ErrorOfWrite(const node::WriteResult& result, Routing routing);

// Requires: status is not kReady.
[[nodiscard]] CallError ErrorOfRead(node::ReadStatus status);

[[nodiscard]] CallError ErrorOfWatch(node::WatchRefusal refusal);
[[nodiscard]] CallError ErrorOfTooManyOnConnection(std::size_t watches_max);
[[nodiscard]] CallError ErrorOfWatchEnd(node::WatchEnd end);

}  // namespace metasrv::server
