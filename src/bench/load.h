#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/histogram.h"
#include "bench/workload.h"
#include "common/time.h"

namespace metasrv::bench {

struct LoadOptions {
  std::vector<std::string> addresses;        // connection i goes to address i mod their number
  std::uint64_t clients = 1;                 // workers, each with one call in flight
  std::uint64_t connections = 1;             // worker i (from 1) uses connection (i - 1) mod this
  std::uint64_t threads = 1;                 // that serve the connections
  std::uint64_t operations = 0;              // per worker, warm-up included
  Duration warm_up;                          // what ends before is not counted
  std::optional<Duration> run;               // after the warm-up; none: until the operations are done
  Duration timeout = Duration::Seconds(60);  // of one call
  std::vector<pid_t> pids;                   // processes whose CPU time is measured
  // Told about operations 0, 100, 200, ... of each worker when they have ended: "Ok(..)" or "Err(..)". One call at a
  // time. May be empty.
  std::function<void(std::uint64_t number, const std::string& result)> on_result;
};

// All figures are of the measured time: after the warm-up.
struct LoadResult {
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  Duration elapsed;
  Histogram latency;        // of all operations, failed ones included
  std::string first_error;  // empty when there was none
  Duration client_cpu;
  std::map<pid_t, Duration> server_cpu;
};

// Runs a closed loop: every worker sends its next call as soon as the one before was answered.
// Errors: no login, or a process of `pids` that does not exist; for the operator.
[[nodiscard]] std::expected<LoadResult, std::string> RunLoad(const LoadOptions& options, const Protocol& protocol,
                                                             const Workload& workload);

}  // namespace metasrv::bench
