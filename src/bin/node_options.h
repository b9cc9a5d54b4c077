#pragma once

#include <expected>
#include <string>

#include "node/options.h"
#include "server/config.h"

namespace metasrv {

// What the configuration says to the node. Errors: an address that cannot be read, for the operator.
[[nodiscard]] std::expected<node::NodeOptions, std::string> ToNodeOptions(const server::Config& config);

}  // namespace metasrv
