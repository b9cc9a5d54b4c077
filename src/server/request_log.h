#pragma once

#include <chrono>
#include <functional>

#include "node/client_api.h"
#include "server/metrics.h"

namespace metasrv::server {

// Lines about single requests (operations.md §5.2). Records of writes are made at the level Debug only; at the default
// level nothing but requests that took long is told, and of those one each second.

// Tells of the write, and of its end when `done` is called. Gives `done` back as it is unless the log takes such lines.
[[nodiscard]] std::function<void(node::WriteResult)> LogWrite(const pb::Command& command,
                                                              std::function<void(node::WriteResult)> done);

// Whether a line was written, which those that were not are counted in.
bool LogIfSlow(CallKind kind, std::chrono::steady_clock::duration took);

}  // namespace metasrv::server
