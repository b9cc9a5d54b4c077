#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace metasrv::bench {

// What a load generator was asked for; defaults are those of metactl.md §6.
struct CommandLine {
  std::uint64_t prefix = 0;
  std::uint64_t client = 10;
  std::uint64_t client_pool_size = 1;
  std::uint64_t number = 10000;
  std::uint64_t run_secs = 0;
  std::string grpc_api_address;
  std::string rpc = "upsert_kv";
  std::string log_level = "warn,databend=info";
  // Ours.
  std::uint64_t warmup_secs = 0;
  std::uint64_t threads = 1;
  std::uint64_t key_count = 10000;
  std::uint64_t key_size = 32;
  std::uint64_t value_size = 256;
  std::uint64_t timeout_secs = 60;
  std::vector<int> pids;
  bool json = false;
};

// An exit code and the text to go with it: help on stdout for 0, an error on stderr otherwise.
struct Message {
  int exit_code = 0;
  std::string text;
};

[[nodiscard]] std::expected<CommandLine, Message> ParseCommandLine(
    const std::string& program, std::vector<std::string> arguments,
    const std::optional<std::string>& address_from_environment);

}  // namespace metasrv::bench
