#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/time.h"
#include "consensus/raft.h"
#include "io/log_store.h"
#include "log.pb.h"
#include "peer.pb.h"
#include "sm/store.h"

namespace metasrv::node {

// What became of a client's write. kUnknown is its own answer and stays visible up to the gRPC status: the write may or
// may not take effect, now or later.
enum class WriteStatus : std::uint8_t {
  kApplied,
  kNoLeader,     // definitely not applied: nobody was found that leads, within the deadline
  kUnreachable,  // definitely not applied: the leader could not be connected to, within the deadline
  kBusy,         // definitely not applied: over a limit, try again
  kNoSpace,      // definitely not applied: the leader's disk is almost full, and the write needs room
  kRefused,      // definitely not applied: the command can never be replicated (too large)
  kUnknown,
  kStopped,  // definitely not applied: this node is stopping
};

struct WriteResult {
  WriteStatus status{};
  pb::AppliedState reply;              // kApplied only
  std::optional<LogId> entry;          // kApplied on the leader itself only
  std::optional<NodeId> forwarded_to;  // the leader that handled it, when that was another node
  std::string detail;                  // for people, on failure
};

enum class ReadStatus : std::uint8_t {
  kReady,
  kNoLeader,
  kBusy,  // too many reads wait already, try again
  kStopped
};

// A linearizable view: it contains every write that was acknowledged anywhere before the read was asked for.
struct ReadResult {
  ReadStatus status{};
  std::shared_ptr<const sm::Snapshot> state;  // kReady only; outlives the node's next writes, not its store
  WallMillis now;                             // decides which expired records are hidden
  LogIndex applied_end;                       // number of entries in the view
  std::optional<NodeId> leader;               // as known to this node
};

// How many rows of each kind a state has, as upstream counts a snapshot's keys.
struct RowCounts {
  std::uint64_t records = 0;   // key-value records
  std::uint64_t expiries = 0;  // entries of the expiry index

  [[nodiscard]] std::uint64_t total() const { return records + expiries; }
};

// What this process sent and received of whole states.
struct SnapshotFigures {
  std::uint64_t sent = 0;           // transfers that ended well
  std::uint64_t send_failures = 0;  // ... or not
  std::uint64_t resumed = 0;        // transfers that went on where an earlier one had ended
  std::uint64_t sent_bytes = 0;
  std::uint64_t resent_bytes = 0;  // of these, what had been sent before
  std::uint64_t received_bytes = 0;
};

// What became of an operator's wish that another node lead (operations.md §2.5). kStarted does not say that it does.
enum class TransferStatus : std::uint8_t { kStarted, kNotLeader, kNotVoter, kInProgress };

struct TransferReply {
  TransferStatus status{};
  NodeId from;                   // this node
  std::optional<NodeId> to;      // who was asked for or chosen; this node itself when there is nothing to change
  std::optional<NodeId> leader;  // as known to this node
  NodeSet voters;
};

// The watches of this node, and what became of earlier ones in this life.
struct WatchFigures {
  std::uint64_t open = 0;
  std::uint64_t waiting_bytes = 0;  // of messages that somebody is still to get
  std::uint64_t ended_too_slow = 0;
  std::uint64_t ended_no_memory = 0;
};

// This node's own view of itself and the cluster, for status calls, admin pages and metrics. A copy.
struct NodeStatus {
  RaftStatus raft;
  std::optional<LogId> last_applied;
  std::optional<LogId> committed;  // as the export reports it
  std::optional<LogId> snapshot;   // what the durable state covers, once a flush or an install was made
  RowCounts snapshot_rows;         // at that time
  bool flushing = false;           // the state is being made durable
  std::uint64_t flushed_rows = 0;  // changes of rows that flushes of this process made durable
  std::uint64_t last_seq = 0;
  Membership applied_membership;
  std::optional<LogId> applied_membership_id;
  std::map<NodeId, meta::Node> nodes;  // the replicated node table
  io::LogStats log;
  std::uint64_t log_cached_items = 0;  // entries in memory
  std::uint64_t log_cached_bytes = 0;
  std::uint64_t proposals_pending = 0;
  std::uint64_t proposals_failed = 0;
  std::uint64_t leader_changes = 0;
  SnapshotFigures transfers;
  std::map<NodeId, std::uint64_t> received_bytes;  // of messages, by sender
  WatchFigures watches;
  std::uint64_t state_hash = 0;      // sm/state_hash.h
  bool quarantined = false;          // the state is known to be wrong
  std::uint64_t state_disputes = 0;  // checkpoints at which the voters' states differed without a majority
  bool stopped = false;
};

// Everything a backup is made of, as of one moment: log and state agree with each other (spec ruling 2).
struct ExportSource {
  NodeId node_id;
  std::optional<HardState> hard_state;
  std::optional<LogId> committed;
  std::optional<LogId> purged;
  std::unique_ptr<io::EntryCursor> log;
  std::shared_ptr<const sm::Snapshot> state;
};

}  // namespace metasrv::node
