#pragma once

#include <functional>
#include <string>

#include "server/http_server.h"
#include "server/metrics.h"
#include "server/node_handle.h"

namespace metasrv::server {

// What the admin pages show besides the node.
struct AdminContext {
  NodeHandle& node;
  const Metrics& metrics;
  const TraceMetrics& events;
  std::function<PeerFigures()> peers;
  std::function<StateFigures()> state;
  std::string config_dump;
};

// The admin API (operations.md §3.2). `context` must outlive the server.
[[nodiscard]] HttpRoutes AdminRoutes(const AdminContext& context);

// Only `/metrics`, for the old separate listener.
[[nodiscard]] HttpRoutes MetricRoutes(const AdminContext& context);

}  // namespace metasrv::server
