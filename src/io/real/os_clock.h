#pragma once

#include "io/clock.h"

namespace metasrv::io {

// The clocks of the operating system. Monotonic time goes on while the machine sleeps (CLOCK_BOOTTIME), so that no
// lease or timeout survives a suspend. Thread-safe.
class OsClock final : public Clock {
 public:
  [[nodiscard]] Instant Now() const override;
  [[nodiscard]] Instant AwakeNow() const override;
  [[nodiscard]] WallMillis WallNow() const override;
};

}  // namespace metasrv::io
