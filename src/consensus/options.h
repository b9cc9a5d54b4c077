#pragma once

#include <cstddef>
#include <cstdint>

#include "common/ids.h"
#include "common/time.h"
#include "consensus/log.h"

namespace metasrv {

// Tunables of one group member. All nodes of a cluster should use the same times.
struct RaftOptions {
  NodeId id;
  Duration heartbeat_interval = Duration::Millis(500);
  // A follower campaigns after a silence drawn from [election_timeout_min, election_timeout_max). Voters that heard
  // from a leader within election_timeout_min refuse (pre-)votes (leader stickiness, thesis §4.2.3).
  Duration election_timeout_min = Duration::Millis(1000);
  Duration election_timeout_max = Duration::Millis(1500);
  std::size_t append_entries_max = 300;            // entries per message
  std::size_t append_bytes_max = 2 * 1024 * 1024;  // payload bytes per message; one larger entry still goes alone
  std::size_t inflight_max = 64;                   // unanswered appends per peer
  // Payload bytes of unanswered appends per peer; the append that goes beyond it is the last one.
  std::size_t inflight_bytes_max = 8 * 1024 * 1024;
  LogCacheLimits log_cache;                       // entries in memory; the others are read back when they are needed
  std::size_t apply_bytes_max = 4 * 1024 * 1024;  // of entries that are read back to be applied, at a time
  // A leader takes no more proposals while this many bytes of them are not committed, or this many committed entries
  // are not applied.
  std::size_t uncommitted_bytes_max = 64 * 1024 * 1024;
  std::uint64_t unapplied_entries_max = 5000;
  // A learner is promoted when it gets within one election_timeout_min what the log held at its begin. It is removed
  // again after that many slower rounds, or when it makes no progress for promote_timeout (thesis §4.2.1; operations.md
  // §2.2). The latter is shorter than the 10 s that a joining node waits for its answer.
  unsigned promote_rounds_max = 10;
  Duration promote_timeout = Duration::Seconds(8);
  // Membership changes that may wait for one another, and how long a change waits for its turn.
  std::size_t changes_max = 32;
  Duration change_wait_max = Duration::Seconds(60);
  // How long a removed member is still sent what it misses, unless it confirms earlier that it knows.
  Duration farewell_timeout = Duration::Seconds(10);

  // Lease reads (docs/decisions/0015): while a quorum is known to elect nobody else, the leader answers reads without
  // asking it. Off: every read costs a confirmation round. Needs the two numbers below to be true on every node.
  bool lease = false;
  // No node's clock gains or loses more than this against real time, in parts per million.
  std::uint32_t clock_drift_bound_ppm = 10'000;

  // How long a confirmed round keeps the leader's right to answer reads, from the moment the round was sent, on the
  // leader's clock: election_timeout_min less twice the drift bound, less a margin of 5 % of it.
  [[nodiscard]] Duration LeaseSpan() const;
  // How far a node's clocks may run apart within election_timeout_min before it trusts none of them; half the margin.
  [[nodiscard]] Duration ClockTolerance() const;

  // Requires of every caller; checked by the Raft constructor.
  [[nodiscard]] bool Validate() const;
};

}  // namespace metasrv
