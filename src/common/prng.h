#pragma once

#include <cstdint>
#include <string_view>

namespace metasrv {

// A small seeded generator (SplitMix64) with its own integer distributions, so that every compiler and library
// draws the same numbers. A value type: a copy continues the same sequence.
class Prng {
 public:
  constexpr explicit Prng(std::uint64_t seed) : state_(seed) {}

  // An independent generator named `name`: drawing from one does not shift the other.
  [[nodiscard]] Prng Fork(std::string_view name) const;

  std::uint64_t Next();
  // Uniform in [0, bound). Requires: bound > 0.
  std::uint64_t Below(std::uint64_t bound);
  // Uniform in [low, high]. Requires: low <= high.
  std::uint64_t Between(std::uint64_t low, std::uint64_t high);
  // True with probability parts_per_million / 1'000'000.
  bool Chance(std::uint32_t parts_per_million);

  friend constexpr bool operator==(const Prng&, const Prng&) = default;

 private:
  std::uint64_t state_;
};

// The project's 64-bit hash: the same value on every compiler, for digests and named decisions. Not cryptographic.
[[nodiscard]] std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed = 0);
[[nodiscard]] std::uint64_t MixHash(std::uint64_t hash, std::uint64_t value);

}  // namespace metasrv
