#pragma once

#include <cstddef>

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
  // A learner counts as caught up when it misses at most this many entries.
  std::size_t promote_lag_max = 16;
  // A learner to be promoted that makes no progress for this long is removed again (operations.md §2.2).
  Duration promote_timeout = Duration::Seconds(10);

  // Requires of every caller; checked by the Raft constructor.
  [[nodiscard]] bool Validate() const;
};

}  // namespace metasrv
