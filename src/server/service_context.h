#pragma once

#include "io/clock.h"
#include "server/metrics.h"
#include "server/node_handle.h"
#include "server/session.h"

namespace metasrv::server {

// What the calls of every port use. Everything outlives the servers.
struct ServiceContext {
  NodeHandle& node;
  const Sessions& sessions;
  Metrics& metrics;
  const io::Clock& clock;
};

}  // namespace metasrv::server
