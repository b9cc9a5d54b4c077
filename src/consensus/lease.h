#pragma once

#include <cstdint>
#include <deque>

#include "common/time.h"

namespace metasrv {

// Why a lease ended before its time.
enum class LeaseEnd : std::uint8_t { kMembership, kClockJump, kTransfer };

// A leader's right to answer reads by itself (thesis §6.4.1; the proof is in docs/decisions/0015): while it holds, a
// quorum elects nobody else, so nobody else has committed anything. Lives as long as one leadership.
class Lease {
 public:
  // `span`: what a confirmed round is worth on this node's clock, RaftOptions::LeaseSpan; zero: there is no lease,
  // ever.
  explicit Lease(Duration span) : span_(span) {}

  // Confirmation round `round` is being sent. Requires: rounds ascend.
  void Sent(std::uint64_t round, Instant now);
  // A quorum of every active configuration has answered `round`: the right lasts `span` from when it was sent.
  void Confirmed(std::uint64_t round, Instant now);
  [[nodiscard]] bool Holds(Instant now) const { return now < until_; }

  // Ends it; only rounds that are sent from now on count.
  void Drop();
  // Ends it for good: somebody was told that he need not wait for it (leadership transfer, thesis §3.10).
  void Forfeit();

  [[nodiscard]] bool enabled() const { return span_ > Duration(); }
  [[nodiscard]] Duration span() const { return span_; }
  [[nodiscard]] Instant until() const { return until_; }

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  struct Round {
    std::uint64_t number;
    Instant sent_at;
  };

  Duration span_;
  Instant until_;             // long past unless confirmed
  std::deque<Round> rounds_;  // sent, not confirmed, young enough to matter; ascending
};

}  // namespace metasrv
