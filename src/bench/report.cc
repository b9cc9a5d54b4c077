#include "bench/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace metasrv::bench {
namespace {

double PerSecond(std::uint64_t count, Duration elapsed) {
  return static_cast<double>(count) * 1e6 / static_cast<double>(std::max<std::int64_t>(elapsed.micros(), 1));
}

std::string Fixed1(double value) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.1f", value);
  return {text.data(), static_cast<std::size_t>(length)};
}

double MicrosPerOperation(Duration used, const LoadResult& result) {
  const auto operations = std::max<std::uint64_t>(result.succeeded + result.failed, 1);
  return static_cast<double>(used.micros()) / static_cast<double>(operations);
}

Duration AllServers(const LoadResult& result) {
  Duration sum;
  for (const auto& [pid, used] : result.server_cpu) sum = sum + used;
  return sum;
}

std::string Micros(std::uint64_t nanos) { return std::to_string(nanos / 1000); }

}  // namespace

std::string ConfigLine(const CommandLine& line) {
  return "config: Config { prefix: " + std::to_string(line.prefix) + ", client: " + std::to_string(line.client) +
         ", client_pool_size: " + std::to_string(line.client_pool_size) + ", number: " + std::to_string(line.number) +
         ", run_secs: " + std::to_string(line.run_secs) + ", grpc_api_address: \"" + line.grpc_api_address +
         "\", rpc: \"" + line.rpc + "\", log_level: \"" + line.log_level + "\" }\n";
}

std::string TextReport(const CommandLine& line, const std::string& rpc, const LoadResult& result) {
  const std::string elapsed = std::to_string(result.elapsed.millis());
  const std::uint64_t total = result.succeeded + result.failed;
  const Histogram& latency = result.latency;
  std::string text = "benchmark client(" + std::to_string(line.client) + ") * number(" + std::to_string(line.number) +
                     ") in " + elapsed + " milliseconds\n";
  text += "benchmark summary: total=" + std::to_string(total) + " success=" + std::to_string(result.succeeded) +
          " error=" + std::to_string(result.failed) + " elapsed_ms=" + elapsed +
          " qps=" + Fixed1(PerSecond(total, result.elapsed)) +
          " success_qps=" + Fixed1(PerSecond(result.succeeded, result.elapsed)) +
          " error_qps=" + Fixed1(PerSecond(result.failed, result.elapsed)) + " avg_us=" + Micros(latency.Mean()) +
          " max_us=" + Micros(latency.max());
  for (const auto& [name, share] :
       {std::pair("p50", 0.5), std::pair("p90", 0.9), std::pair("p95", 0.95), std::pair("p99", 0.99)}) {
    text += std::string(" ") + name + "_us=" + Micros(latency.Quantile(share));
  }
  text += " client_pool_size=" + std::to_string(line.client_pool_size) + "\n";
  text += "benchmark latency histogram:" + latency.Buckets() + "\n";
  if (!result.server_cpu.empty()) {
    text += "benchmark cpu: " + rpc + " client_us_per_op=" + Fixed1(MicrosPerOperation(result.client_cpu, result)) +
            " servers_us_per_op=" + Fixed1(MicrosPerOperation(AllServers(result), result)) + "\n";
  }
  if (!result.first_error.empty()) text += "benchmark first error: " + result.first_error + "\n";
  return text;
}

std::string JsonReport(const CommandLine& line, const std::string& rpc, const LoadResult& result) {
  const auto micros = [&](double share) { return static_cast<double>(result.latency.Quantile(share)) / 1000; };
  nlohmann::ordered_json json;
  json["rpc"] = rpc;
  json["clients"] = line.client;
  json["connections"] = line.client_pool_size;
  json["total"] = result.succeeded + result.failed;
  json["success"] = result.succeeded;
  json["error"] = result.failed;
  json["elapsed_ms"] = result.elapsed.millis();
  json["qps"] = PerSecond(result.succeeded, result.elapsed);
  json["latency_us"] = {{"avg", static_cast<double>(result.latency.Mean()) / 1000},
                        {"p50", micros(0.5)},
                        {"p90", micros(0.9)},
                        {"p95", micros(0.95)},
                        {"p99", micros(0.99)},
                        {"p99_9", micros(0.999)},
                        {"max", static_cast<double>(result.latency.max()) / 1000}};
  json["client_cpu_us_per_op"] = MicrosPerOperation(result.client_cpu, result);
  json["servers_cpu_us_per_op"] = MicrosPerOperation(AllServers(result), result);
  for (const auto& [pid, used] : result.server_cpu)
    json["server_cpu_us_per_op"][std::to_string(pid)] = MicrosPerOperation(used, result);
  json["first_error"] = result.first_error;
  return json.dump() + "\n";
}

}  // namespace metasrv::bench
