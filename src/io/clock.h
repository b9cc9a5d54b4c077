#pragma once

#include "common/time.h"

namespace metasrv::io {

// The clocks of one node. They agree on how much time has passed unless something went wrong with one of them.
// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic, goes on while the machine sleeps; for timeouts and leases only.
  [[nodiscard]] virtual Instant Now() const = 0;
  // Monotonic, stops while the machine sleeps; only its differences mean anything.
  [[nodiscard]] virtual Instant AwakeNow() const = 0;
  // Wall time; may jump. Goes into log entries and decides which expired records reads hide.
  [[nodiscard]] virtual WallMillis WallNow() const = 0;
};

}  // namespace metasrv::io
