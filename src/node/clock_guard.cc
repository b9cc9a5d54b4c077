#include "node/clock_guard.h"

#include <algorithm>

namespace metasrv::node {
namespace {

Duration Difference(Duration a, Duration b) { return a > b ? a - b : b - a; }

Duration Between(WallMillis from, WallMillis to) {
  return Duration::Millis(static_cast<std::int64_t>(to.value()) - static_cast<std::int64_t>(from.value()));
}

}  // namespace

ClockGuard::ClockGuard(const io::Clock& clock, const RaftOptions& options)
    : clock_(clock),
      window_(options.election_timeout_min),
      tolerance_(options.ClockTolerance()),
      pause_max_(options.election_timeout_min / 4),
      since_(Read()),
      last_run_(since_.now) {}

ClockGuard::Reading ClockGuard::Read() const { return {clock_.Now(), clock_.AwakeNow(), clock_.WallNow()}; }

bool ClockGuard::Disagree(const Reading& reading) const {
  const Duration passed = reading.now - since_.now;
  return Difference(passed, reading.awake - since_.awake) > tolerance_ ||
         Difference(passed, Between(since_.wall, reading.wall)) > tolerance_;
}

std::optional<ClockJumped> ClockGuard::Check(Instant deadline) {
  Reading reading = Read();
  if (Disagree(reading)) reading = Read();  // the thread may have been put aside between two clocks
  const Instant due = std::max(deadline, last_run_);
  const bool late = deadline != Instant::Never() && reading.now > due + pause_max_;
  last_run_ = reading.now;
  if (Disagree(reading)) {
    since_ = reading;
    return ClockJumped{ClockJumped::Kind::kDisagreement};
  }
  if (reading.now - since_.now >= window_) since_ = reading;
  if (late) return ClockJumped{ClockJumped::Kind::kPause};
  return std::nullopt;
}

}  // namespace metasrv::node
