#include "common/prng.h"

#include "common/check.h"

namespace metasrv {
namespace {

constexpr std::uint64_t Mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15ULL;

}  // namespace

Prng Prng::Fork(std::string_view name) const { return Prng(Hash64(name, state_)); }

std::uint64_t Prng::Next() {
  state_ += kGamma;
  return Mix(state_);
}

std::uint64_t Prng::Below(std::uint64_t bound) {
  CHECK_GT(bound, 0U);
  // Multiply-shift keeps the bias below 2^-32 for every bound that the project uses.
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
}

std::uint64_t Prng::Between(std::uint64_t low, std::uint64_t high) {
  CHECK_LE(low, high);
  return low + Below(high - low + 1);
}

bool Prng::Chance(std::uint32_t parts_per_million) { return Below(1'000'000) < parts_per_million; }

std::uint64_t MixHash(std::uint64_t hash, std::uint64_t value) { return Mix((hash ^ value) + kGamma); }

std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t hash = MixHash(seed, bytes.size());
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    for (std::size_t b = 0; b < 8; ++b) {
      word |= std::uint64_t{static_cast<unsigned char>(bytes[i + b])} << (8 * b);
    }
    hash = MixHash(hash, word);
  }
  std::uint64_t tail = 0;
  for (std::size_t b = 0; i + b < bytes.size(); ++b) {
    tail |= std::uint64_t{static_cast<unsigned char>(bytes[i + b])} << (8 * b);
  }
  return MixHash(hash, tail);
}

}  // namespace metasrv
