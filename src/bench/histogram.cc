#include "bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "common/check.h"

namespace metasrv::bench {

// Slots 0..127 hold their own number; from there each power of two has 64 of them.
std::size_t Histogram::SlotOf(std::uint64_t nanos) {
  if (nanos < (std::uint64_t{2} << kPrecisionBits)) return nanos;
  const auto shift = static_cast<unsigned>(std::bit_width(nanos)) - kPrecisionBits - 1;
  return (static_cast<std::size_t>(shift) << kPrecisionBits) + (nanos >> shift);
}

std::uint64_t Histogram::UpperEnd(std::size_t slot) {
  if (slot < (std::size_t{2} << kPrecisionBits)) return slot;
  const std::size_t shift = (slot >> kPrecisionBits) - 1;
  const std::size_t mantissa = slot - (shift << kPrecisionBits);
  return ((mantissa + 1) << shift) - 1;
}

void Histogram::Record(std::uint64_t nanos) {
  ++counts_[std::min(SlotOf(nanos), kSlots - 1)];
  ++count_;
  sum_ += nanos;
  max_ = std::max(max_, nanos);
}

void Histogram::Merge(const Histogram& other) {
  for (std::size_t slot = 0; slot < kSlots; ++slot) counts_[slot] += other.counts_[slot];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::Mean() const { return count_ == 0 ? 0 : sum_ / count_; }

std::uint64_t Histogram::Quantile(double share) const {
  CHECK(share > 0 && share <= 1);
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    seen += counts_[slot];
    if (seen >= wanted && seen > 0) return std::min(UpperEnd(slot), max_);
  }
  return max_;
}

std::string Histogram::Buckets() const {
  std::array<std::uint64_t, 64> buckets{};
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (counts_[slot] == 0) continue;
    const std::uint64_t micros = std::min(UpperEnd(slot), max_) / 1000;
    buckets[static_cast<std::size_t>(std::max(0, static_cast<int>(std::bit_width(micros)) - 1))] += counts_[slot];
  }
  std::string text;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i] == 0) continue;
    const std::uint64_t low = i == 0 ? 0 : std::uint64_t{1} << i;
    text += " b" + std::to_string(i) + "[" + std::to_string(low) + "us," + std::to_string(std::uint64_t{2} << i) +
            "us)=" + std::to_string(buckets[i]);
  }
  return text.empty() ? " empty" : text;
}

}  // namespace metasrv::bench
