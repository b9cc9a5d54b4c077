#include "consensus/lease.h"

#include <algorithm>

#include "common/check.h"
#include "common/mutant.h"

namespace metasrv {

void Lease::Sent(std::uint64_t round, Instant now) {
  if (!enabled()) return;
  if (!rounds_.empty()) {
    CHECK_GT(round, rounds_.back().number);
    CHECK_GE(now, rounds_.back().sent_at);
  }
  while (!rounds_.empty() && rounds_.front().sent_at + span_ <= now) rounds_.pop_front();
  rounds_.push_back({round, now});
}

void Lease::Confirmed(std::uint64_t round, Instant now) {
  while (!rounds_.empty() && rounds_.front().number <= round) {
    const Instant since = MutantOn(Mutant::kQ02) ? now : rounds_.front().sent_at;
    CHECK_LE(since, now);
    until_ = std::max(until_, since + span_);
    rounds_.pop_front();
  }
}

void Lease::Drop() {
  rounds_.clear();
  until_ = Instant();
}

void Lease::Forfeit() {
  span_ = Duration();
  Drop();
}

}  // namespace metasrv
