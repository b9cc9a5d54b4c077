#include "bench/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "common/prng.h"

namespace metasrv::bench {
namespace {

TEST(Histogram, NothingRecordedIsAllZeros) {
  const Histogram histogram;
  EXPECT_EQ(0U, histogram.count());
  EXPECT_EQ(0U, histogram.Mean());
  EXPECT_EQ(0U, histogram.Quantile(0.5));
  EXPECT_EQ(" empty", histogram.Buckets());
}

TEST(Histogram, SmallDurationsAreExact) {
  Histogram histogram;
  for (std::uint64_t nanos = 1; nanos <= 100; ++nanos) histogram.Record(nanos);
  EXPECT_EQ(50U, histogram.Quantile(0.5));
  EXPECT_EQ(99U, histogram.Quantile(0.99));
  EXPECT_EQ(100U, histogram.Quantile(1));
  EXPECT_EQ(50U, histogram.Mean());
}

TEST(Histogram, QuantilesAreWithinASixtyFourthOfTheSortedSamples) {
  Prng random(7);
  Histogram histogram;
  std::vector<std::uint64_t> samples;
  for (int i = 0; i < 20'000; ++i) {
    samples.push_back(random.Below(std::uint64_t{1} << random.Between(1, 45)));
    histogram.Record(samples.back());
  }
  std::ranges::sort(samples);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const std::uint64_t exact = samples[static_cast<std::size_t>(share * static_cast<double>(samples.size())) - 1];
    EXPECT_GE(histogram.Quantile(share), exact) << share;
    EXPECT_LE(histogram.Quantile(share), exact + exact / 64 + 1) << share;
  }
  EXPECT_EQ(samples.back(), histogram.max());
}

TEST(Histogram, TheLongestDurationOfAllHasASlot) {
  Histogram histogram;
  histogram.Record(UINT64_MAX);
  EXPECT_EQ(UINT64_MAX, histogram.max());
  EXPECT_EQ(1U, histogram.count());
}

TEST(Histogram, MergingEqualsRecordingTogether) {
  Histogram one;
  Histogram other;
  Histogram both;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? one : other).Record(i * i);
    both.Record(i * i);
  }
  one.Merge(other);
  EXPECT_EQ(both.count(), one.count());
  EXPECT_EQ(both.Mean(), one.Mean());
  EXPECT_EQ(both.Quantile(0.9), one.Quantile(0.9));
  EXPECT_EQ(both.Buckets(), one.Buckets());
}

TEST(Histogram, BucketsArePowersOfTwoOfAMicrosecond) {
  Histogram histogram;
  histogram.Record(500);
  histogram.Record(1'030'000);
  histogram.Record(1'030'000);
  EXPECT_EQ(" b0[0us,2us)=1 b10[1024us,2048us)=2", histogram.Buckets());
}

}  // namespace
}  // namespace metasrv::bench
