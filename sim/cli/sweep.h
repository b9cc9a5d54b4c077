#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/probes.h"
#include "sim/verdict.h"

namespace metasrv::sim {

// Which seeds to run, and how.
struct SweepPlan {
  std::uint64_t first = 1;
  std::uint64_t count = 1;
  std::uint64_t jobs = 1;
  std::vector<std::string> overrides;  // "name=value", for every seed
  std::string mutant;                  // id, or empty
  bool stop_at_failure = false;
  bool quiet = false;  // no progress lines
  bool twice = false;  // run a share again in processes of another environment
};

// What one seed came to.
struct SeedOutcome {
  std::uint64_t seed = 0;
  int exit_code = 0;  // 0 or a FailureClass
  std::string property;
  std::string detail;
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
  std::uint64_t simulated_ms = 0;
};

struct SweepResult {
  std::uint64_t seeds = 0;
  std::uint64_t events = 0;
  std::uint64_t simulated_ms = 0;
  double wall_seconds = 0;
  std::uint64_t compared = 0;  // seeds that were run twice
  std::vector<SeedOutcome> failures;
  Probes probes;
};

// Runs every `plan.jobs`-th seed in a process of its own; a process that dies is a failure of the seed it was at.
[[nodiscard]] SweepResult Sweep(const SweepPlan& plan);

// The body of such a process: runs `first`, `first` + `stride`, ... below `end` and writes one line per seed to its
// output.
int SweepWorker(std::uint64_t first, std::uint64_t stride, std::uint64_t end,
                const std::vector<std::string>& overrides);

[[nodiscard]] std::string SummaryText(const SweepResult& result);

}  // namespace metasrv::sim
