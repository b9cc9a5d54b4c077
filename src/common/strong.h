#pragma once

#include <compare>
#include <cstdint>

namespace metasrv {

// An unsigned 64-bit number of one kind. Explicit both ways, so that two kinds can never be swapped;
// `.value()` is for codecs, printing and arithmetic that the kind itself does not offer.
template <class Tag>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(std::uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  std::uint64_t value_ = 0;
};

}  // namespace metasrv
