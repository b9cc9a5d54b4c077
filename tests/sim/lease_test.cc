// Leases in whole runs: right as long as the clocks keep the bound, and seen to be wrong when they do not.
#include <gtest/gtest.h>

#include "sim/oracle.h"
#include "sim/run.h"

namespace metasrv::sim {
namespace {

// Leaders are cut off often, answers to their rounds come late, and many clients read: a lease that lasts too long is
// soon seen. Jumps of clocks would end leases before.
RunOptions Options(std::uint64_t seed, std::uint64_t drift_max_ppm) {
  RunOptions options = DeriveOptions(seed);
  options.nodes = 3;
  options.learners = 0;
  options.lease = 1;
  options.lease_drift_ppm = 10'000;
  options.drift_max_ppm = drift_max_ppm;
  options.isolate_leader_every_ms = 500;
  options.hold_answers_every_ms = 400;
  options.clock_jump_every_ms = 0;
  options.churn_every_ms = 0;
  options.restore = 0;
  options.clients = 6;
  options.think_max_ms = 4;
  options.weight_get = 6;
  options.watchers = 0;
  return options;
}

// Options far from those that a seed draws may break what liveness expects; a lease promises correct reads.
bool IsWrong(const RunResult& result) {
  return result.failure && result.failure->failure_class == FailureClass::kCorrectness;
}

TEST(Leases, ClocksThatDriftWithinTheBoundServeNoStaleRead) {
  std::uint64_t lease_reads = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const RunResult result = sim::Run(Options(seed, 10'000), {});
    ASSERT_FALSE(IsWrong(result)) << "seed " << seed << ": " << result.failure->detail;
    lease_reads += result.probes[Probe::k_lease_read];
  }
  EXPECT_GT(lease_reads, 100U);
}

TEST(Leases, ClocksThatDriftFarBeyondTheBoundAreCaughtServingAStaleRead) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const RunResult result = sim::Run(Options(seed, 400'000), {});
    if (!IsWrong(result)) continue;
    const std::string property = result.failure->property.name;
    EXPECT_TRUE(property == kRealTimeOrder.name || property == kReadFresh.name) << property;
    return;
  }
  FAIL() << "the judges saw nothing";
}

}  // namespace
}  // namespace metasrv::sim
