#include "io/real/os_clock.h"

#include <ctime>

#include "common/check.h"

namespace metasrv::io {
namespace {

timespec Read(clockid_t id) {
  timespec time{};
  CHECK_EQ(clock_gettime(id, &time), 0);
  return time;
}

Instant ReadInstant(clockid_t id) {
  const timespec time = Read(id);
  return Instant::FromMicros(std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000);
}

}  // namespace

Instant OsClock::Now() const { return ReadInstant(CLOCK_BOOTTIME); }

Instant OsClock::AwakeNow() const { return ReadInstant(CLOCK_MONOTONIC); }

WallMillis OsClock::WallNow() const {
  const timespec time = Read(CLOCK_REALTIME);
  return WallMillis(static_cast<std::uint64_t>(time.tv_sec) * 1000 +
                    static_cast<std::uint64_t>(time.tv_nsec) / 1'000'000);
}

}  // namespace metasrv::io
