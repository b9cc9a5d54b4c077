#pragma once

#include <cstdint>

#include "io/clock.h"
#include "io/sim/faults.h"
#include "io/sim/world.h"

namespace metasrv::io {

// The two clocks of one simulated machine: a monotonic one that may run fast or slow and a wall clock that may be off
// and jump. They survive crashes of the node.
class SimClock : public Clock {
 public:
  // Wall time of every correct clock when the world begins.
  static constexpr std::uint64_t kWallEpochMillis = 1'700'000'000'000;

  // `origin` is what the monotonic clock shows when the world begins; give each node its own.
  SimClock(const World& world, const ClockFaults& faults = {}, Duration origin = Duration::Seconds(1000));

  [[nodiscard]] Instant Now() const override;
  [[nodiscard]] Instant AwakeNow() const override { return Now() - asleep_; }
  [[nodiscard]] WallMillis WallNow() const override;

  // The machine slept for the last `span`: only AwakeNow() did not go on.
  void NoteSleep(Duration span) { asleep_ = asleep_ + span; }
  // The machine was frozen for the last `span`, as a virtual machine can be: only the wall clock was set right
  // afterwards. Requires: nobody read a clock meanwhile, and Now() has moved by `span`.
  void NoteFreeze(Duration span);

  // Changes the speed from now on; neither clock jumps. Requires: within +-900'000.
  void SetDrift(std::int32_t ppm);
  // Moves the wall clock, either way.
  void JumpWall(std::int64_t millis) { wall_offset_millis_ += millis; }
  // Puts the wall clock `millis` ahead of the true time (behind, when negative).
  void SetWallSkew(std::int64_t millis);
  [[nodiscard]] std::int64_t WallSkew() const;

  // The first moment of the world at which this clock shows `local` or more; Never stays Never. Right as long as the
  // drift does not change.
  [[nodiscard]] Instant ToWorld(Instant local) const;

 private:
  [[nodiscard]] std::int64_t TrueWallMillis() const;

  const World& world_;
  std::int32_t drift_ppm_;
  Instant base_world_;  // where the present speed began ...
  Instant base_local_;  // ... and what the clock showed then
  Duration origin_;
  std::int64_t wall_offset_millis_;  // against the drifting clock
  Duration asleep_;                  // in total
};

}  // namespace metasrv::io
