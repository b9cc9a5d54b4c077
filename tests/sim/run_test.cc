#include "sim/run.h"

#include <gtest/gtest.h>

#include <set>

#include "sim/command_maker.h"

namespace metasrv::sim {
namespace {

constexpr std::uint64_t kNow = 1'700'000'000'000;

RunOptions Small(std::uint64_t seed) {
  RunOptions options = DeriveOptions(seed);
  options.fault_ms = 1500;
  return options;
}

TEST(Run, OfOneSeedIsTheSameTwice) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const RunResult first = sim::Run(Small(seed));
    const RunResult second = sim::Run(Small(seed));
    EXPECT_EQ(first.digest, second.digest);
    EXPECT_EQ(first.checkpoints, second.checkpoints);
    EXPECT_EQ(first.events, second.events);
  }
}

TEST(Run, OfAnotherSeedIsAnotherRun) {
  std::set<std::uint64_t> digests;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) digests.insert(sim::Run(Small(seed)).digest);
  EXPECT_EQ(digests.size(), 5U);
}

TEST(Run, StopsWhereItIsTold) {
  RunExtras extras;
  extras.until_event = 200;
  const RunResult result = sim::Run(Small(4), extras);
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(result.events, 200U);
}

TEST(Run, OfARecordedScheduleIsTheSameRun) {
  RunExtras recording;
  recording.record = true;
  const RunResult original = sim::Run(Small(5), recording);
  ASSERT_FALSE(original.decisions.empty());
  RunExtras replaying;
  replaying.schedule = original.decisions;
  EXPECT_EQ(sim::Run(Small(5), replaying).digest, original.digest);
}

TEST(Run, DoesSomethingWorthJudging) {
  Probes probes;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const RunResult result = sim::Run(DeriveOptions(seed));
    EXPECT_FALSE(result.failure) << seed;
    probes.Add(result.probes.counts());
  }
  EXPECT_GT(probes[Probe::k_elections], 10U);
  EXPECT_GT(probes[Probe::k_crash], 10U);
  EXPECT_GT(probes[Probe::k_write_acked], 500U);
  EXPECT_GT(probes[Probe::k_follower_read], 50U);
  EXPECT_GT(probes[Probe::k_ack_checked], 1000U);
}

TEST(Options, AreDerivedBySeedAndOverriddenByName) {
  EXPECT_EQ(Describe(DeriveOptions(7)), Describe(DeriveOptions(7)));
  EXPECT_NE(Describe(DeriveOptions(7)), Describe(DeriveOptions(8)));
  RunOptions options = DeriveOptions(7);
  EXPECT_TRUE(Override(options, "nodes=5"));
  EXPECT_EQ(options.nodes, 5U);
  EXPECT_FALSE(Override(options, "nodes"));
  EXPECT_FALSE(Override(options, "nodes=many"));
  EXPECT_FALSE(Override(options, "no_such_option=1"));
}

TEST(CommandMaker, MarksEveryCommandWithItsToken) {
  RunOptions options;
  CommandMaker maker(options);
  Prng prng(1);
  for (std::uint64_t token = 1; token <= 500; ++token) EXPECT_EQ(TokenOf(maker.MakeWrite(prng, token, kNow)), token);
  EXPECT_EQ(TokenOf(pb::Command()), 0U);
}

TEST(CommandMaker, MakesANextAttemptThatDiffersByItsTokenOnly) {
  RunOptions options;
  CommandMaker maker(options);
  for (std::uint64_t token = 1; token <= 500; ++token) {
    Prng prng(token);
    Prng same(token);
    pb::Command command = maker.MakeWrite(prng, token, kNow);
    CommandMaker::Retoken(command, token, token + 1000);
    EXPECT_EQ(command.SerializeAsString(), maker.MakeWrite(same, token + 1000, kNow).SerializeAsString());
  }
}

}  // namespace
}  // namespace metasrv::sim
