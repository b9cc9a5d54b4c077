#include "bench/run.h"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <utility>

#include "bench/command_line.h"
#include "bench/load.h"
#include "bench/report.h"

namespace metasrv::bench {
namespace {

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

WorkloadOptions WorkloadOf(const CommandLine& line) {
  WorkloadOptions options;
  const auto colon = line.rpc.find(':');
  options.rpc = line.rpc.substr(0, colon);
  if (colon != std::string::npos) options.parameters = line.rpc.substr(colon + 1);
  options.prefix = line.prefix;
  options.key_count = line.key_count;
  options.key_size = line.key_size;
  options.value_size = line.value_size;
  options.workers = line.client;
  return options;
}

LoadOptions LoadOf(const CommandLine& line, const Workload& workload) {
  LoadOptions options;
  options.addresses = SplitAtCommas(line.grpc_api_address);
  options.clients = line.client;
  options.connections = line.client_pool_size;
  options.threads = line.threads;
  options.operations = workload.operations() > 0 ? workload.operations() : line.number;
  options.warm_up = Duration::Seconds(static_cast<std::int64_t>(line.warmup_secs));
  if (line.run_secs > 0) options.run = Duration::Seconds(static_cast<std::int64_t>(line.run_secs));
  options.timeout = Duration::Seconds(static_cast<std::int64_t>(line.timeout_secs));
  options.pids.assign(line.pids.begin(), line.pids.end());
  return options;
}

int Report(const Message& message, std::ostream& out, std::ostream& err) {
  (message.exit_code == 0 ? out : err) << message.text << std::flush;
  return message.exit_code;
}

}  // namespace

int Run(const std::string& program, std::vector<std::string> arguments,
        const std::optional<std::string>& address_from_environment, const Protocol& protocol, std::ostream& out,
        std::ostream& err) {
  const auto line = ParseCommandLine(program, std::move(arguments), address_from_environment);
  if (!line) return Report(line.error(), out, err);
  if (!line->json) out << ConfigLine(*line);
  if (line->grpc_api_address.empty()) return Report({0, "grpc_api_address MUST not be empty!\n"}, out, err);
  const WorkloadOptions what = WorkloadOf(*line);
  const auto workload = protocol.make(what);
  if (!workload) return Report({1, "Error: " + workload.error() + "\n"}, out, err);
  LoadOptions options = LoadOf(*line, **workload);
  if (!line->json) {
    out << "effective client_pool_size: " << line->client_pool_size << "\n";
    options.on_result = [&](std::uint64_t number, const std::string& result) {
      out << std::setw(10) << number << "-th " << what.rpc << " result: " << result << "\n";
    };
  }
  const auto result = RunLoad(options, protocol, **workload);
  if (!result) return Report({1, "Error: " + result.error() + "\n"}, out, err);
  out << (line->json ? JsonReport(*line, what.rpc, *result) : TextReport(*line, what.rpc, *result)) << std::flush;
  return 0;
}

}  // namespace metasrv::bench
