#pragma once

#include <optional>

#include "consensus/input.h"
#include "consensus/options.h"
#include "io/clock.h"

namespace metasrv::node {

// Notices that this node's clocks cannot be trusted: one of them stopped (a frozen virtual machine), was set, or ran
// wild; or that the node did not run for a while. See docs/decisions/0015.
class ClockGuard {
 public:
  // `clock` outlives the guard.
  ClockGuard(const io::Clock& clock, const RaftOptions& options);

  // To be called before every step: whether consensus must be told. `deadline`: when the node wanted to run at the
  // latest. Two small differences that lie less than election_timeout_min apart add up to less than the lease's margin.
  [[nodiscard]] std::optional<ClockJumped> Check(Instant deadline);

 private:
  struct Reading {
    Instant now;
    Instant awake;
    WallMillis wall;
  };
  [[nodiscard]] Reading Read() const;
  [[nodiscard]] bool Disagree(const Reading& reading) const;

  const io::Clock& clock_;
  Duration window_;     // a new comparison starts after this time
  Duration tolerance_;  // between two clocks, within one window
  Duration pause_max_;
  Reading since_;     // start of the window
  Instant last_run_;  // of the last step
};

}  // namespace metasrv::node
