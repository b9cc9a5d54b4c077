#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "bench/workload.h"

namespace metasrv::bench {

// A whole load generator: reads the arguments after the program's name, runs the load, prints the figures and returns
// the exit code: 0 also when operations failed, 1 when the load could not be run, 2 for wrong usage (metactl.md §6).
[[nodiscard]] int Run(const std::string& program, std::vector<std::string> arguments,
                      const std::optional<std::string>& address_from_environment, const Protocol& protocol,
                      std::ostream& out, std::ostream& err);

}  // namespace metasrv::bench
