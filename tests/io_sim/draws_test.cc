#include "io/sim/draws.h"

#include <gtest/gtest.h>

#include <vector>

namespace metasrv::io {
namespace {

constexpr DrawKind kA("test.a");
constexpr DrawKind kB("test.b");

TEST(Draws, DependOnSeedKindActorAndCounterOnly) {
  Draws draws(7);
  Draws same(7);
  Draws other(8);
  EXPECT_EQ(draws.RawAt(kA, 1, 5), same.RawAt(kA, 1, 5));
  EXPECT_NE(draws.RawAt(kA, 1, 5), other.RawAt(kA, 1, 5));
  EXPECT_NE(draws.RawAt(kA, 1, 5), draws.RawAt(kB, 1, 5));
  EXPECT_NE(draws.RawAt(kA, 1, 5), draws.RawAt(kA, 2, 5));
  EXPECT_NE(draws.RawAt(kA, 1, 5), draws.RawAt(kA, 1, 6));
}

TEST(Draws, KeepTheirOutcomesWhenAnUnrelatedDrawIsRemoved) {
  Draws with(3);
  Draws without(3);
  std::vector<std::uint64_t> a;
  std::vector<std::uint64_t> b;
  for (int i = 0; i < 100; ++i) {
    a.push_back(with.Raw(kA, 1));
    with.Raw(kB, 1);
    with.Raw(kA, 2);
    b.push_back(without.Raw(kA, 1));
  }
  EXPECT_EQ(a, b);
}

TEST(Draws, CountTheDrawsOfEachNameApart) {
  Draws draws(3);
  const std::uint64_t first = draws.Raw(kA, 1);
  const std::uint64_t second = draws.Raw(kA, 1);
  EXPECT_EQ(first, draws.RawAt(kA, 1, 0));
  EXPECT_EQ(second, draws.RawAt(kA, 1, 1));
}

TEST(Draws, ChanceKeepsItsRateAndBetweenItsBounds) {
  Draws draws(9);
  int hits = 0;
  bool low = false;
  bool high = false;
  for (int i = 0; i < 10'000; ++i) {
    hits += draws.Chance(kA, 1, 250'000) ? 1 : 0;
    const std::uint64_t value = draws.Between(kB, 1, 10, 13);
    ASSERT_GE(value, 10U);
    ASSERT_LE(value, 13U);
    low = low || value == 10;
    high = high || value == 13;
  }
  EXPECT_NEAR(hits, 2500, 200);
  EXPECT_TRUE(low && high);
  EXPECT_FALSE(draws.Chance(kA, 1, 0));
  EXPECT_TRUE(draws.Chance(kA, 1, 1'000'000));
}

TEST(Draws, FixTheOutcomesThatAreOverriddenByName) {
  Draws draws(9);
  const std::vector<Decision> schedule = {{"test.a", 4, 1, 1}, {"test.b", 4, 0, 1000}};
  draws.Override(schedule);
  EXPECT_FALSE(draws.Chance(kA, 4, 0));
  EXPECT_TRUE(draws.Chance(kA, 4, 0));
  EXPECT_FALSE(draws.Chance(kA, 4, 0));
  EXPECT_EQ(draws.Between(kB, 4, 5, 20), 20U) << "moved into the range";
}

TEST(Draws, RecordedDecisionsReplayUnderAnotherSeed) {
  Draws original(1);
  original.StartRecording();
  Draws replay(2);
  std::vector<std::uint64_t> wanted;
  for (int i = 0; i < 50; ++i) {
    wanted.push_back(original.Chance(kA, 1, 500'000) ? 1 : 0);
    wanted.push_back(original.Between(kB, 1, 0, 1'000'000));
  }
  const auto schedule = ParseSchedule(FormatSchedule(original.Recorded()));
  ASSERT_TRUE(schedule.has_value());
  EXPECT_EQ(*schedule, original.Recorded());
  replay.Override(*schedule);
  std::vector<std::uint64_t> got;
  for (int i = 0; i < 50; ++i) {
    got.push_back(replay.Chance(kA, 1, 500'000) ? 1 : 0);
    got.push_back(replay.Between(kB, 1, 0, 1'000'000));
  }
  EXPECT_EQ(got, wanted);
}

TEST(Schedule, NamesTheFirstLineThatIsNotADecision) {
  EXPECT_TRUE(ParseSchedule("# made by hand\n\nnet.loss 1 2 3\n").has_value());
  for (const char* bad : {"net.loss 1 2", "net.loss 1 2 3 4", "net.loss one 2 3", " 1 2 3"}) {
    const auto parsed = ParseSchedule(std::string("net.loss 1 2 3\n") + bad);
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error(), std::string("line 2: ") + bad);
  }
}

// Golden: an accidental change of the hash would silently change every seed that was ever kept.
TEST(Draws, HaveTheSameOutcomeOnEveryCompiler) { EXPECT_EQ(DrawKind::IdOf("net.loss"), 9645236552457471829ULL); }

}  // namespace
}  // namespace metasrv::io
