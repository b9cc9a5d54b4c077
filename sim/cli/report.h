#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/run.h"

namespace metasrv::sim {

// The command line that runs `options` again: the seed and every option that differs from what the seed gives.
[[nodiscard]] std::string ReplayCommand(const RunOptions& options, const std::string& extra_flags);

// The options of a run, several to a line.
[[nodiscard]] std::string OptionsText(const RunOptions& options);

// Why a run failed: class, property and its sentence, the last lines of the story, the command to replay it.
[[nodiscard]] std::string FailureText(const RunOptions& options, const RunResult& result,
                                      const std::string& extra_flags);

// What a passed run did, in a few lines.
[[nodiscard]] std::string SuccessText(const RunResult& result);

// "name count" of every probe, three to a line, the ones never hit last.
[[nodiscard]] std::string ProbesText(const Probes& probes);

}  // namespace metasrv::sim
