#include "sim/cli/report.h"

#include <cstdio>

namespace metasrv::sim {
namespace {

std::string Hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::string InColumns(const std::vector<std::string>& cells, std::size_t width, std::size_t columns) {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    text += "  " + cells[i];
    const bool last = i + 1 == cells.size() || i % columns == columns - 1;
    if (last) {
      text += '\n';
    } else {
      text.append(width > cells[i].size() ? width - cells[i].size() : 0, ' ');
    }
  }
  return text;
}

}  // namespace

std::string ReplayCommand(const RunOptions& options, const std::string& extra_flags) {
  std::string command = "metasim --seed " + std::to_string(options.seed);
  const auto derived = Describe(DeriveOptions(options.seed));
  const auto actual = Describe(options);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (actual[i] != derived[i]) command += " --set " + actual[i];
  }
  return command + extra_flags;
}

std::string OptionsText(const RunOptions& options) { return InColumns(Describe(options), 30, 4); }

std::string FailureText(const RunOptions& options, const RunResult& result, const std::string& extra_flags) {
  const Failure& failure = *result.failure;
  std::string text = "\nFAILED seed " + std::to_string(options.seed) + ": " + ToString(failure.failure_class) + "\n";
  text += std::string("  property: ") + failure.property.name + "\n";
  text += std::string("  it says:  ") + failure.property.sentence + "\n";
  text += std::string("  source:   ") + failure.property.source + "\n";
  text += "  here:     " + failure.detail + "\n";
  text += "  event " + std::to_string(result.events) + " at " + std::to_string(result.simulated.millis()) +
          " ms of virtual time\n  what happened last:\n";
  for (const std::string& line : result.story) text += "    " + line + "\n";
  text += "  replay:   " + ReplayCommand(options, extra_flags) + " --until-event " + std::to_string(result.events) +
          " --trace\n";
  return text;
}

std::string SuccessText(const RunResult& result) {
  const Oracle::Counts& counts = result.operations;
  return "PASSED events " + std::to_string(result.events) + ", virtual " + std::to_string(result.simulated.millis()) +
         " ms, recovery " + std::to_string(result.recovery.millis()) + " ms, log " +
         std::to_string(result.history_end.value()) + " entries\n  writes: acknowledged " +
         std::to_string(counts.acked) + ", refused " + std::to_string(counts.failed) + ", unknown " +
         std::to_string(counts.unknown) + " (applied " + std::to_string(counts.unknown_applied) + "); reads: served " +
         std::to_string(counts.reads) + ", refused " + std::to_string(counts.reads_failed) + "\n  digest " +
         Hex(result.digest) + "\n";
}

std::string ProbesText(const Probes& probes) {
  std::vector<std::string> hit;
  std::vector<std::string> missed;
  for (std::size_t i = 0; i < kProbeNames.size(); ++i) {
    const std::uint64_t count = probes.counts()[i];
    if (count > 0) {
      hit.push_back(std::string(kProbeNames[i]) + " " + std::to_string(count));
    } else {
      missed.push_back(std::string(kProbeNames[i]) + " NEVER");
    }
  }
  return InColumns(hit, 34, 3) + InColumns(missed, 34, 3);
}

}  // namespace metasrv::sim
