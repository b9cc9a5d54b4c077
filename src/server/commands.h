#pragma once

#include <expected>
#include <string>

#include "server/config.h"

namespace metasrv::server {

// What the program does instead of serving.

// The three lines of `--version` (config-and-cli.md §3.3).
[[nodiscard]] std::string VersionLines();

// Runs `--cmd` (§6.6, §6.7) with its output on stdout and stderr. The exit code is always 0.
void RunCommand(const Config& config);

// `--cmd kvapi::<op>`: a one-shot client of `grpc_api_address`. Returns what to print on stdout. Errors: text for
// stderr.
[[nodiscard]] std::expected<std::string, std::string> RunKvApi(const Config& config, const std::string& operation);

// Asks the members `leave_via` one after the other to remove node `leave_id` (§6.4). Errors: the text after "Error: ".
// Requires: both are set.
[[nodiscard]] std::expected<void, std::string> Leave(const RaftConfig& config);

}  // namespace metasrv::server
