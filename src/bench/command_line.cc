#include "bench/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "common/version.h"

namespace metasrv::bench {
namespace {

// CLI11 reads "-1" as a very large unsigned number.
std::string DigitsOnly(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "not a number: " + text;
}

void Declare(CLI::App& app, CommandLine& line) {
  const auto number = [&app](const char* name, std::uint64_t& value, const char* description) {
    app.add_option(name, value, description)->check(DigitsOnly)->capture_default_str();
  };
  number("--prefix", line.prefix, "First part of the keys");
  number("--client", line.client, "Concurrent workers, each with one call in flight");
  number("--client-pool-size", line.client_pool_size, "Connections that the workers share, 1 to --client");
  number("--number", line.number, "Operations per worker");
  number("--run-secs", line.run_secs, "Stop after that many seconds; 0: no limit");
  app.add_option("--grpc-api-address", line.grpc_api_address,
                 "gRPC addresses, separated by commas; connection i goes to address i modulo their number "
                 "[env: METASRV_GRPC_API_ADDRESS]");
  app.add_option("--rpc", line.rpc, "What to do: <name> or <name>:<JSON parameters>")->capture_default_str();
  app.add_option("--log-level", line.log_level, "Accepted and ignored: the tool writes no log");
  number("--warmup-secs", line.warmup_secs, "Seconds before the measuring begins, on top of --run-secs");
  number("--threads", line.threads, "Threads of this program, 1 to --client-pool-size");
  number("--key-count", line.key_count, "Keys that put, get, txn, mixed and fill use");
  number("--key-size", line.key_size, "Bytes of these keys");
  number("--value-size", line.value_size, "Bytes of values, but for upsert_kv");
  number("--timeout-secs", line.timeout_secs, "How long one call may take");
  app.add_option("--pid", line.pids, "Process whose CPU time is to be measured; repeatable")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(CLI::PositiveNumber);
  app.add_flag("--json", line.json, "Print one JSON object instead of text");
}

std::optional<std::string> WhyWrong(const CommandLine& line) {
  if (line.client == 0) return "--client must be at least 1";
  if (line.key_count == 0) return "--key-count must be at least 1";
  if (line.timeout_secs == 0) return "--timeout-secs must be at least 1";
  return std::nullopt;
}

}  // namespace

std::expected<CommandLine, Message> ParseCommandLine(const std::string& program, std::vector<std::string> arguments,
                                                     const std::optional<std::string>& address_from_environment) {
  CLI::App app("Generates load in closed loops and measures rate, latency and CPU time", program);
  app.set_version_flag("-V,--version", program + " v" + kProductVersion);
  CommandLine line;
  Declare(app, line);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(Message{0, app.help()});
  } catch (const CLI::CallForVersion& version) {
    return std::unexpected(Message{0, std::string(version.what()) + "\n"});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(Message{2, std::string("error: ") + error.what() + "\n\n" + app.help()});
  }
  if (line.grpc_api_address.empty()) line.grpc_api_address = address_from_environment.value_or("");
  if (auto why = WhyWrong(line)) return std::unexpected(Message{2, "error: " + *why + "\n\n" + app.help()});
  line.client_pool_size = std::clamp<std::uint64_t>(line.client_pool_size, 1, line.client);
  line.threads = std::clamp<std::uint64_t>(line.threads, 1, line.client_pool_size);
  return line;
}

}  // namespace metasrv::bench
