#include "common/ids.h"

namespace metasrv {

std::string ToString(const LogId& id) {
  return "T" + std::to_string(id.term.value()) + "-N" + std::to_string(id.leader.value()) + "." +
         std::to_string(id.index.value());
}

std::string ToString(const Endpoint& endpoint) { return endpoint.host + ":" + std::to_string(endpoint.port); }

}  // namespace metasrv
