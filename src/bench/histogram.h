#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace metasrv::bench {

// Counts durations in nanoseconds: exact below 128 ns, to 1/64 of the value above that. A fixed 30 KiB, no allocation,
// so that recording costs the measured program nothing. Not thread-safe: one per thread, merged at the end.
class Histogram {
 public:
  void Record(std::uint64_t nanos);
  void Merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] std::uint64_t Mean() const;
  // The smallest recorded duration that at least `share` of all are no longer than, give or take the resolution; 0 when
  // nothing was recorded. Requires: 0 < share <= 1.
  [[nodiscard]] std::uint64_t Quantile(double share) const;

  // " b10[1024us,2048us)=12 ...": counts by powers of two of a microsecond, empty ones left out (metactl.md §6).
  [[nodiscard]] std::string Buckets() const;

 private:
  static constexpr unsigned kPrecisionBits = 6;
  static constexpr std::size_t kSlots = (64 - kPrecisionBits) << kPrecisionBits;
  [[nodiscard]] static std::size_t SlotOf(std::uint64_t nanos);
  [[nodiscard]] static std::uint64_t UpperEnd(std::size_t slot);

  std::array<std::uint64_t, kSlots> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace metasrv::bench
