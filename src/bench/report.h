#pragma once

#include <string>

#include "bench/command_line.h"
#include "bench/load.h"

namespace metasrv::bench {

// "config: Config { prefix: 0, ... }", as upstream prints it (metactl.md §6).
[[nodiscard]] std::string ConfigLine(const CommandLine& line);

// The three lines at the end of a run (metactl.md §6), and one with CPU times when processes were measured.
[[nodiscard]] std::string TextReport(const CommandLine& line, const std::string& rpc, const LoadResult& result);

// The same figures and more as one JSON object; docs/PERFORMANCE.md describes the members.
[[nodiscard]] std::string JsonReport(const CommandLine& line, const std::string& rpc, const LoadResult& result);

}  // namespace metasrv::bench
