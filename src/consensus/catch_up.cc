#include "consensus/catch_up.h"

#include <algorithm>

#include "common/check.h"

namespace metasrv {

CatchUp::Verdict CatchUp::Observe(const Sight& sight, Instant now, const Limits& limits) {
  CHECK_LE(sight.match_end, sight.log_end);
  CHECK_GE(now, round_began_);
  CHECK_GT(limits.long_rounds_max, 0U);
  const bool needs_none = sight.takes_snapshot || sight.match_end == sight.log_end;
  if (sight.match_end > progress_end_ || (sight.heard_recently && needs_none)) progress_at_ = now;
  progress_end_ = std::max(progress_end_, sight.match_end);
  if (sight.match_end >= round_end_) {
    was_short_ = now - round_began_ < limits.round_max;
    if (!was_short_) ++long_rounds_;
    round_end_ = sight.log_end;
    round_began_ = now;
  } else if (now - round_began_ >= limits.round_max) {
    was_short_ = false;
  }
  if (was_short_ && sight.heard_recently) return Verdict::kCaughtUp;
  const bool stalls = now - progress_at_ >= limits.stall_max;
  const bool falls_behind = long_rounds_ >= limits.long_rounds_max && !was_short_;
  return stalls || falls_behind ? Verdict::kTooSlow : Verdict::kWaiting;
}

}  // namespace metasrv
