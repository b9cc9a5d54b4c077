#include "io/real/sleeper.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/check.h"

namespace metasrv::io {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kNanosPerMicro = 1'000;

void Clear(int file) {
  std::uint64_t count = 0;
  // Nothing to read is fine, too: the timer may have been moved meanwhile.
  [[maybe_unused]] const auto ignored = read(file, &count, sizeof count);
}

}  // namespace

Sleeper::Sleeper()
    : timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK_GE(timer_, 0);
  CHECK_GE(event_, 0);
}

Sleeper::~Sleeper() {
  close(timer_);
  close(event_);
}

bool Sleeper::Sleep() {
  std::array<pollfd, 2> files = {pollfd{timer_, POLLIN, 0}, pollfd{event_, POLLIN, 0}};
  poll(files.data(), files.size(), -1);
  for (const pollfd& file : files) {
    if (file.revents != 0) Clear(file.fd);
  }
  return files[0].revents != 0;
}

void Sleeper::SetTimeout(std::optional<Duration> left) {
  itimerspec when{};
  if (left) {
    // Zero would switch the timer off.
    const std::int64_t micros = std::max<std::int64_t>(left->micros(), 1);
    when.it_value = {micros / kMicrosPerSecond, micros % kMicrosPerSecond * kNanosPerMicro};
  }
  CHECK_EQ(timerfd_settime(timer_, 0, &when, nullptr), 0);
}

void Sleeper::Wake() { CHECK_EQ(eventfd_write(event_, 1), 0); }

}  // namespace metasrv::io
