// metasim: runs production nodes in a simulated world, hurts them and judges what they do. See docs/SIMULATION.md.

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "common/check.h"
#include "sim/cli/mutants.h"
#include "sim/cli/report.h"
#include "sim/cli/shrink.h"
#include "sim/cli/sweep.h"
#include "sim/run.h"

namespace metasrv::sim {
namespace {

constexpr int kUsageError = 64;
constexpr std::uint64_t kMutantSeedsMax = 10'000;

constexpr std::string_view kUsage = R"(usage: metasim [flags]
  --seed N            run one seed and print everything about it
  --seeds N           run N seeds; --first K: the first one (1); --jobs J: processes (1)
  --twice             with --seeds: run a tenth again, elsewhere; with --seed: run it twice
  --set NAME=VALUE    override one derived option; may be repeated
  --shrink            with --seed: find a simpler run that breaks the same property
  --trace             print the whole story of the run
  --until-event N     stop after N events
  --record FILE       write the decisions of the run as a schedule
  --schedule FILE     fix these decisions instead of drawing them
  --regressions FILE  run every line of the file
  --mutant ID         switch a planted bug on (mutants build only)
  --mutants           find every planted bug, or only the one of --mutant; --seeds limits the search (10000)
  --ctest-summary     no progress lines
exit code: 0 passed, 1 correctness, 2 liveness, 3 nondeterminism, 4 crash, 64 usage
)";

struct Flags {
  std::optional<std::uint64_t> seed;
  SweepPlan plan;
  bool sweep = false;
  bool mutants = false;
  bool shrink = false;
  bool trace = false;
  std::uint64_t until_event = 0;
  std::string record;
  std::string schedule;
  std::string regressions;
  std::string worker;
};

using Parsed = std::expected<Flags, std::string>;

bool ParseNumber(std::string_view text, std::uint64_t& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

// Takes one flag and its value, if it wants one. False: there is no such flag or its value is wrong.
bool TakeSwitch(std::string_view name, Flags& flags) {
  if (name == "--twice") return flags.plan.twice = true;
  if (name == "--trace") return flags.trace = true;
  if (name == "--mutants") return flags.mutants = true;
  if (name == "--shrink") return flags.shrink = true;
  if (name == "--ctest-summary") return flags.plan.quiet = true;
  return false;
}

bool TakeValue(std::string_view name, const std::string& value, Flags& flags) {
  if (name == "--seed") return ParseNumber(value, flags.seed.emplace());
  if (name == "--seeds") return flags.sweep = ParseNumber(value, flags.plan.count);
  if (name == "--first") return ParseNumber(value, flags.plan.first);
  if (name == "--jobs") return ParseNumber(value, flags.plan.jobs) && flags.plan.jobs > 0;
  if (name == "--until-event") return ParseNumber(value, flags.until_event);
  if (name == "--set") return flags.plan.overrides.push_back(value), true;
  if (name == "--record") return flags.record = value, true;
  if (name == "--schedule") return flags.schedule = value, true;
  if (name == "--regressions") return flags.regressions = value, true;
  if (name == "--mutant") return flags.plan.mutant = value, true;
  if (name == "--worker") return flags.worker = value, true;
  return false;
}

Parsed ParseFlags(const std::vector<std::string>& arguments) {
  Flags flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (TakeSwitch(arguments[i], flags)) continue;
    if (i + 1 == arguments.size()) return std::unexpected(arguments[i]);
    if (!TakeValue(arguments[i], arguments[i + 1], flags)) return std::unexpected(arguments[i]);
    ++i;
  }
  return flags;
}

std::expected<RunOptions, std::string> OptionsFor(std::uint64_t seed, const std::vector<std::string>& overrides) {
  RunOptions options = DeriveOptions(seed);
  for (const std::string& assignment : overrides) {
    if (auto done = Override(options, assignment); !done) return std::unexpected(done.error());
  }
  return options;
}

int Complain(const std::string& what) {
  std::fprintf(stderr, "metasim: %s\n%s", what.c_str(), std::string(kUsage).c_str());
  return kUsageError;
}

std::expected<RunExtras, std::string> ExtrasOf(const Flags& flags) {
  RunExtras extras;
  extras.until_event = flags.until_event;
  extras.record = !flags.record.empty();
  if (flags.trace) extras.trace_lines_max = std::size_t{1} << 20;
  if (flags.schedule.empty()) return extras;
  std::ifstream file(flags.schedule);
  if (!file) return std::unexpected("cannot read " + flags.schedule);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto schedule = io::ParseSchedule(text);
  if (!schedule) return std::unexpected(schedule.error());
  extras.schedule = std::move(*schedule);
  return extras;
}

// What a failed CHECK of a single run prints before the process dies.
std::string report_of_crash;
void OnCheckFailed(std::string_view message) {
  std::printf("\nFAILED: crash\n  here:     %s\n  what happened last:\n", std::string(message).c_str());
  for (const std::string& line : StoryOfRunUnderWay(60)) std::printf("    %s\n", line.c_str());
  std::printf("  replay:   %s\n", report_of_crash.c_str());
  std::fflush(stdout);
  std::_Exit(static_cast<int>(FailureClass::kCrash));
}

int RunOne(const Flags& flags) {
  const auto options = OptionsFor(*flags.seed, flags.plan.overrides);
  if (!options) return Complain(options.error());
  const auto extras = ExtrasOf(flags);
  if (!extras) return Complain(extras.error());
  const std::string mutant = flags.plan.mutant.empty() ? "" : " --mutant " + flags.plan.mutant;
  std::printf("seed %llu\n%s", static_cast<unsigned long long>(*flags.seed), OptionsText(*options).c_str());
  std::fflush(stdout);
  report_of_crash = ReplayCommand(*options, mutant) + " --trace";
  SetCheckFailureHook(OnCheckFailed);
  const RunResult result = Run(*options, *extras);
  if (!flags.record.empty()) std::ofstream(flags.record) << io::FormatSchedule(result.decisions);
  if (flags.trace && !result.failure) {
    for (const std::string& line : result.story) std::printf("%s\n", line.c_str());
  }
  if (result.failure) {
    std::printf("%s", FailureText(*options, result, mutant).c_str());
    return static_cast<int>(result.failure->failure_class);
  }
  std::printf("%s%s", SuccessText(result).c_str(), ProbesText(result.probes).c_str());
  if (flags.plan.twice && Run(*options, *extras).digest != result.digest) {
    std::printf("FAILED: the second run has another digest\n");
    return static_cast<int>(FailureClass::kNondeterminism);
  }
  return 0;
}

int ShrinkOne(const Flags& flags) {
  const ShrinkResult result = Shrink(*flags.seed, flags.plan.overrides, flags.plan.mutant);
  if (result.property.empty()) {
    std::printf("seed %llu passes: nothing to shrink\n", static_cast<unsigned long long>(*flags.seed));
    return 0;
  }
  const auto options = OptionsFor(*flags.seed, result.overrides);
  const std::string mutant = flags.plan.mutant.empty() ? "" : " --mutant " + flags.plan.mutant;
  std::printf("after %llu runs, still \"%s\":\n%s\n", static_cast<unsigned long long>(result.runs),
              result.property.c_str(), ReplayCommand(*options, mutant).c_str());
  return static_cast<int>(FailureClass::kCorrectness);
}

int WorstOf(const std::vector<SeedOutcome>& failures) {
  int worst = 0;
  for (const SeedOutcome& failure : failures) {
    if (worst == 0 || failure.exit_code < worst) worst = failure.exit_code;
  }
  return worst;
}

int RunSweep(const Flags& flags) {
  const SweepResult result = Sweep(flags.plan);
  std::printf("%s%s", SummaryText(result).c_str(), ProbesText(result.probes).c_str());
  const std::string mutant = flags.plan.mutant.empty() ? "" : " --mutant " + flags.plan.mutant;
  for (std::size_t i = 0; i < result.failures.size() && i < 20; ++i) {
    const auto options = OptionsFor(result.failures[i].seed, flags.plan.overrides);
    std::printf("replay: %s\n", ReplayCommand(*options, mutant).c_str());
  }
  return WorstOf(result.failures);
}

int FindMutants(const Flags& flags) {
  if (KnownMutants().empty()) return Complain("this build has no planted bugs");
  int missed = 0;
  for (const NamedMutant& mutant : KnownMutants()) {
    if (!flags.plan.mutant.empty() && flags.plan.mutant != mutant.id) continue;
    SweepPlan plan = flags.plan;
    plan.mutant = mutant.id;
    plan.count = flags.sweep ? flags.plan.count : kMutantSeedsMax;
    plan.stop_at_failure = true;
    plan.quiet = true;
    const SweepResult result = Sweep(plan);
    if (result.failures.empty()) {
      ++missed;
      std::printf("%s  SURVIVED %llu seeds  (%s)\n", std::string(mutant.id).c_str(),
                  static_cast<unsigned long long>(result.seeds), std::string(mutant.what).c_str());
    } else {
      const SeedOutcome& kill = result.failures.front();
      std::printf("%s  seed %llu, %llu seeds run, by \"%s\"  (%s)\n", std::string(mutant.id).c_str(),
                  static_cast<unsigned long long>(kill.seed), static_cast<unsigned long long>(result.seeds),
                  kill.property.c_str(), std::string(mutant.what).c_str());
    }
    std::fflush(stdout);
  }
  return missed == 0 ? 0 : static_cast<int>(FailureClass::kCorrectness);
}

// A line is "seed=N [name=value ...] # what it once broke".
int RunRegressions(const Flags& flags) {
  std::ifstream file(flags.regressions);
  if (!file) return Complain("cannot read " + flags.regressions);
  std::vector<SeedOutcome> failures;
  std::uint64_t count = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    SweepPlan plan;
    plan.quiet = true;
    for (std::string word; words >> word;) {
      const bool is_seed = word.starts_with("seed=");
      if (is_seed && !ParseNumber(std::string_view(word).substr(5), plan.first)) return Complain("not a seed: " + word);
      if (!is_seed) plan.overrides.push_back(word);
      plan.count = 1;
      plan.jobs = 1;
    }
    if (line.find("seed=") == std::string::npos || line.starts_with('#')) continue;
    ++count;
    const SweepResult result = Sweep(plan);
    for (const SeedOutcome& failure : result.failures) {
      std::printf("REGRESSION %s\n  %s: %s\n", line.c_str(), failure.property.c_str(), failure.detail.c_str());
      failures.push_back(failure);
    }
  }
  std::printf("%llu regressions run, %zu fail\n", static_cast<unsigned long long>(count), failures.size());
  return WorstOf(failures);
}

int Work(const Flags& flags) {
  std::istringstream words(flags.worker);
  std::uint64_t first = 0;
  std::uint64_t stride = 1;
  std::uint64_t end = 0;
  char comma = 0;
  words >> first >> comma >> stride >> comma >> end;
  return SweepWorker(first, stride, end, flags.plan.overrides);
}

int Main(const std::vector<std::string>& arguments) {
  const Parsed flags = ParseFlags(arguments);
  if (!flags) return Complain("wrong flag or value: " + flags.error());
  if (!flags->plan.mutant.empty() && !ActivateMutant(flags->plan.mutant)) {
    return Complain("this build does not know mutant " + flags->plan.mutant);
  }
  if (!flags->worker.empty()) return Work(*flags);
  if (flags->mutants) return FindMutants(*flags);
  if (!flags->regressions.empty()) return RunRegressions(*flags);
  if (flags->seed && flags->shrink) return ShrinkOne(*flags);
  if (flags->seed) return RunOne(*flags);
  if (flags->sweep) return RunSweep(*flags);
  return Complain("nothing to do");
}

}  // namespace
}  // namespace metasrv::sim

int main(int argc, char** argv) { return metasrv::sim::Main(std::vector<std::string>(argv + 1, argv + argc)); }
