#include "io/sim/sim_clock.h"

#include <algorithm>

#include "common/check.h"

namespace metasrv::io {
namespace {

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int32_t kDriftLimit = 900'000;

std::int32_t CheckedDrift(std::int32_t ppm) {
  CHECK_LE(ppm, kDriftLimit);
  CHECK_GE(ppm, -kDriftLimit);
  return ppm;
}

}  // namespace

SimClock::SimClock(const World& world, const ClockFaults& faults, Duration origin)
    : world_(world),
      drift_ppm_(CheckedDrift(faults.drift_ppm)),
      base_world_(world.now()),
      base_local_(world.now() + origin),
      origin_(origin),
      wall_offset_millis_(faults.wall_skew_millis) {}

Instant SimClock::Now() const {
  const __int128 elapsed = (world_.now() - base_world_).micros();
  return base_local_ + Duration::Micros(static_cast<std::int64_t>(elapsed * (kMillion + drift_ppm_) / kMillion));
}

WallMillis SimClock::WallNow() const {
  const std::int64_t local = (Now() - Instant() - origin_).millis();
  const std::int64_t wall = static_cast<std::int64_t>(kWallEpochMillis) + local + wall_offset_millis_;
  return WallMillis(static_cast<std::uint64_t>(std::max<std::int64_t>(wall, 0)));
}

void SimClock::SetDrift(std::int32_t ppm) {
  base_local_ = Now();
  base_world_ = world_.now();
  drift_ppm_ = CheckedDrift(ppm);
}

void SimClock::NoteFreeze(Duration span) {
  CHECK_GE(span, Duration());
  const std::int64_t skew = WallSkew();
  base_local_ = Now() - span;
  base_world_ = world_.now();
  SetWallSkew(skew);
}

std::int64_t SimClock::TrueWallMillis() const {
  return static_cast<std::int64_t>(kWallEpochMillis) + world_.now().micros() / 1000;
}

void SimClock::SetWallSkew(std::int64_t millis) { JumpWall(millis - WallSkew()); }

std::int64_t SimClock::WallSkew() const { return static_cast<std::int64_t>(WallNow().value()) - TrueWallMillis(); }

Instant SimClock::ToWorld(Instant local) const {
  if (local == Instant::Never()) return local;
  if (local <= base_local_) return base_world_;
  const __int128 span = (local - base_local_).micros();
  const std::int64_t speed = kMillion + drift_ppm_;
  const __int128 elapsed = (span * kMillion + speed - 1) / speed;  // rounded up: not before the clock shows it
  const __int128 limit = Instant::Never().micros() - base_world_.micros();
  return elapsed >= limit ? Instant::Never() : base_world_ + Duration::Micros(static_cast<std::int64_t>(elapsed));
}

}  // namespace metasrv::io
