// Visits every state of small clusters within bounds: tests/consensus/README.md.
//   consensus_exhaustive [--large] [--bounds NAME] [--set EVENT=COUNT]... [--states-max N] [--mutant ID]
//                        [--plant impatient|forgetful]
// Exit codes: 0 no property is broken and everything was visited; 1 a property is broken; 2 not everything was visited
// or reached; 64 usage.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/check.h"
#include "sim/cli/mutants.h"
#include "tests/consensus/explore/bounds.h"

namespace metasrv::test {
namespace {

Explorer* running = nullptr;

void PrintTrace(const std::vector<std::string>& trace) {
  for (std::size_t i = 0; i < trace.size(); ++i) std::printf("%4zu  %s\n", i, trace[i].c_str());
}

void OnCheckFailure(std::string_view message) {
  SetCheckFailureHook(nullptr);
  std::printf("violation: %.*s\n", static_cast<int>(message.size()), message.data());
  if (running != nullptr) PrintTrace(running->TraceOfCurrentStep());
  std::fflush(stdout);
  std::_Exit(1);
}

// The budgets by name, for --set NAME=N.
bool SetBudget(Budget& budget, const std::string& assignment) {
  static constexpr std::array<const char*, std::tuple_size_v<Budget>> kNames = {
      "",       "",         "timeout", "heartbeat", "stall", "propose", "read",
      "change", "transfer", "compact", "crash",     "lose",  "twice",   "early"};
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (assignment.substr(0, equals) != kNames[i]) continue;
    budget[i] = static_cast<std::uint8_t>(std::stoul(assignment.substr(equals + 1)));
    return true;
  }
  return false;
}

int RunOne(const Bounds& bounds, const Physics& physics, std::size_t states_max) {
  const auto begin = std::chrono::steady_clock::now();
  Explorer explorer(bounds, physics);
  running = &explorer;
  const Report report = explorer.Run(states_max);
  running = nullptr;
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  std::printf(
      "%-12s %9zu states %10zu steps, depth %2zu; %6zu node states, %5zu packets, %zu audits; %zu leaders, %zu "
      "committed; %.1f s%s\n",
      bounds.name, report.states, report.transitions, report.depth, explorer.space().node_count(),
      explorer.space().packet_count(), explorer.space().audit_count(), report.leaders, report.committed, time.count(),
      report.complete ? "" : "; NOT COMPLETE");
  std::fflush(stdout);
  if (report.violation) {
    std::printf("violation: %s\n", report.violation->c_str());
    PrintTrace(report.trace);
    return 1;
  }
  const bool reached = report.leaders >= bounds.leaders_goal && report.committed >= bounds.committed_goal;
  if (!reached) std::printf("the search does not reach what it is for\n");
  return report.complete && reached ? 0 : 2;
}

int Usage() {
  std::fprintf(stderr, "see tests/consensus/exhaustive_main.cc\n");
  return 64;
}

}  // namespace

int Main(int argc, char** argv) {
  bool large = false;
  std::string only;
  std::vector<std::string> settings;
  std::size_t states_max = 40'000'000;
  Physics physics = DefaultPhysics();
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (flag == "--large") {
      large = true;
      continue;
    }
    ++i;
    if (flag == "--bounds") {
      only = value;
    } else if (flag == "--states-max") {
      states_max = std::stoull(value);
    } else if (flag == "--set") {
      settings.push_back(value);
    } else if (flag == "--mutant") {
      if (!sim::ActivateMutant(value)) return Usage();
    } else if (flag == "--plant" && value == "impatient") {
      physics.impatient = true;
    } else if (flag == "--plant" && value == "forgetful") {
      physics.forgets_hard_state = true;
    } else {
      return Usage();
    }
  }
  SetCheckFailureHook(&OnCheckFailure);
  int worst = 64;
  for (Bounds bounds : AllBounds(large)) {
    if (!only.empty() && only != bounds.name) continue;
    for (const std::string& setting : settings) {
      if (!SetBudget(bounds.budget, setting)) return Usage();
    }
    const int code = RunOne(bounds, physics, states_max);
    if (code == 1) return 1;
    worst = worst == 64 ? code : std::max(worst, code);
  }
  return worst;
}

}  // namespace metasrv::test

int main(int argc, char** argv) { return metasrv::test::Main(argc, argv); }
