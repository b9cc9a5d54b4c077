#pragma once

#include <compare>
#include <cstdint>

namespace metasrv {

// A span of monotonic time in microseconds.
class Duration {
 public:
  constexpr Duration() = default;
  [[nodiscard]] static constexpr Duration Micros(std::int64_t count) { return Duration(count); }
  [[nodiscard]] static constexpr Duration Millis(std::int64_t count) { return Duration(count * 1000); }
  [[nodiscard]] static constexpr Duration Seconds(std::int64_t count) { return Duration(count * 1'000'000); }

  [[nodiscard]] constexpr std::int64_t micros() const { return micros_; }
  [[nodiscard]] constexpr std::int64_t millis() const { return micros_ / 1000; }

  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return Duration(a.micros_ + b.micros_); }
  friend constexpr Duration operator-(Duration a, Duration b) { return Duration(a.micros_ - b.micros_); }
  friend constexpr Duration operator*(Duration a, std::int64_t factor) { return Duration(a.micros_ * factor); }
  friend constexpr Duration operator/(Duration a, std::int64_t divisor) { return Duration(a.micros_ / divisor); }

 private:
  constexpr explicit Duration(std::int64_t micros) : micros_(micros) {}
  std::int64_t micros_ = 0;
};

// A point of a node's monotonic clock, in microseconds since an arbitrary origin. Never compared between nodes.
class Instant {
 public:
  constexpr Instant() = default;
  [[nodiscard]] static constexpr Instant FromMicros(std::int64_t micros) { return Instant(micros); }
  // Later than every other instant: "no deadline".
  [[nodiscard]] static constexpr Instant Never() { return Instant(INT64_MAX); }

  [[nodiscard]] constexpr std::int64_t micros() const { return micros_; }

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant a, Duration b) { return Instant(a.micros_ + b.micros()); }
  friend constexpr Instant operator-(Instant a, Duration b) { return Instant(a.micros_ - b.micros()); }
  friend constexpr Duration operator-(Instant a, Instant b) { return Duration::Micros(a.micros_ - b.micros_); }

 private:
  constexpr explicit Instant(std::int64_t micros) : micros_(micros) {}
  std::int64_t micros_ = 0;
};

// Wall time in milliseconds since 1970-01-01 UTC. May jump either way.
class WallMillis {
 public:
  constexpr WallMillis() = default;
  constexpr explicit WallMillis(std::uint64_t millis) : millis_(millis) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return millis_; }
  friend constexpr auto operator<=>(WallMillis, WallMillis) = default;

 private:
  std::uint64_t millis_ = 0;
};

}  // namespace metasrv
