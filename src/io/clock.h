#pragma once

#include "common/time.h"

namespace metasrv::io {

// The two clocks of one node. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic; for timeouts only.
  [[nodiscard]] virtual Instant Now() const = 0;
  // Wall time; may jump. Goes into log entries and decides which expired records reads hide.
  [[nodiscard]] virtual WallMillis WallNow() const = 0;
};

}  // namespace metasrv::io
