#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/sim/draws.h"
#include "sim/options.h"
#include "sim/oracle.h"
#include "sim/probes.h"
#include "sim/verdict.h"

namespace metasrv::sim {

// What a run is asked to do beyond its options.
struct RunExtras {
  std::vector<io::Decision> schedule;  // decisions that are fixed instead of drawn
  bool record = false;                 // keep every decision
  std::uint64_t until_event = 0;       // stop, without a verdict, after this many events; 0: run to the end
  std::size_t trace_lines_max = 60;    // of the story kept for the report
};

struct RunResult {
  std::optional<Failure> failure;
  std::uint64_t digest = 0;  // equal for every run of the same options, on every machine
  std::vector<std::uint64_t> checkpoints;
  std::uint64_t events = 0;
  Duration simulated;
  Duration recovery;  // from the end of the faults until everything worked
  LogIndex history_end;
  Oracle::Counts operations;
  Probes probes;
  std::vector<std::string> story;       // the last trace lines
  std::vector<io::Decision> decisions;  // when recorded
};

// Runs one seed: form a cluster, hurt it, heal it; with RunOptions::restore, hurt it, take a backup of a node, give the
// cluster up and go through all of it with one that is restored from the backup. A pure function of its arguments. A
// failed CHECK aborts the process.
[[nodiscard]] RunResult Run(const RunOptions& options, const RunExtras& extras = {});

// The story of the run under way, for the report of a failed CHECK; empty when there is none.
[[nodiscard]] std::vector<std::string> StoryOfRunUnderWay(std::size_t lines_max);

}  // namespace metasrv::sim
