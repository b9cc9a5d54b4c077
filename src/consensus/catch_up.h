#pragma once

#include <cstdint>

#include "common/time.h"
#include "consensus/types.h"

namespace metasrv {

// Judges whether a learner keeps up with its leader, in rounds (thesis §4.2.1): a round ends when the learner has what
// the leader's log held at the round's begin. A round shorter than `round_max` means that the learner lags less than
// what the leader appends in that time, however fast that is; no fixed number of entries could say so under load.
class CatchUp {
 public:
  enum class Verdict : std::uint8_t { kWaiting, kCaughtUp, kTooSlow };
  struct Limits {
    Duration round_max;          // a shorter round means caught up
    unsigned long_rounds_max{};  // after that many longer ones the learner is too slow
    Duration stall_max;          // too slow, too, when it makes no progress for this long
  };
  // What is seen of the learner.
  struct Sight {
    LogIndex match_end;     // entries it is known to have
    LogIndex log_end;       // entries of the leader
    bool takes_snapshot{};  // progress does not show in match_end meanwhile
    bool heard_recently{};  // within the last heartbeat intervals
  };

  CatchUp() = default;
  // The first round begins.
  CatchUp(LogIndex log_end, Instant now) : round_end_(log_end), round_began_(now), progress_at_(now) {}

  [[nodiscard]] Verdict Observe(const Sight& sight, Instant now, const Limits& limits);

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  LogIndex round_end_;
  Instant round_began_;
  unsigned long_rounds_ = 0;
  bool was_short_ = false;  // the last round, and the one that runs is not longer yet
  LogIndex progress_end_;
  Instant progress_at_;
};

}  // namespace metasrv
