#pragma once

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "consensus/change_queue.h"
#include "consensus/input.h"
#include "consensus/lease.h"
#include "consensus/read_queue.h"
#include "consensus/tracker.h"
#include "consensus/uncommitted.h"
#include "consensus/votes.h"

namespace metasrv {

// Follows a leader, known or not; also every node that may not vote.
struct Follower {
  std::optional<NodeId> leader;
};

// Asks whether it would win before it disturbs anybody with a new term (thesis §9.6).
struct PreCandidate {
  Votes votes;
};

struct Candidate {
  Votes votes;
  PersistSeq own_vote;  // its own vote counts once this write is durable
};

// A hand-over of leadership that is under way (thesis §3.10).
struct RunningTransfer {
  RequestId id;
  NodeId to;
  Instant deadline;   // lead on then
  bool told = false;  // TimeoutNow was sent since the last heartbeat
};

// A voter's new disk that was recorded in one step: answered when the entry is committed.
struct NewDisk {
  RequestId id;
  LogIndex entry_end;
};

struct Leader {
  Leader(NodeId self, Lease right_to_read) : tracker(self), lease(std::move(right_to_read)) {}

  Tracker tracker;
  ReadQueue reads;
  Uncommitted uncommitted;
  Lease lease;
  LogIndex term_start;         // index of the blank entry that opened this leadership
  std::uint64_t round = 0;     // last confirmation round sent
  bool broadcast_due = false;  // heartbeats go out at the end of this step
  Instant heartbeat_at;
  Instant quorum_check_at;
  ChangeQueue changes;
  std::optional<RunningTransfer> transfer;
  bool sent_timeout_now = false;  // ever, in this term
  Instant since;                  // when it began to lead
  std::vector<NewDisk> new_disks;
};

using Role = std::variant<Follower, PreCandidate, Candidate, Leader>;

}  // namespace metasrv
