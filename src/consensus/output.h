#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "common/trace.h"
#include "consensus/message.h"

namespace metasrv {

// One atomic write to the log store. Applied in member order: reset, truncate, append, purge. Writes must become
// durable in the order of `seq`; each ends in one Persisted input (or the node stops: a failed write is never retried).
struct Persist {
  PersistSeq seq;
  std::optional<HardState> hard_state;
  std::optional<LogId> reset_to;          // drop the whole log; its last purged entry is now this one
  std::optional<LogIndex> truncate_from;  // drop the entries at and after this index
  std::vector<Entry> append;
  std::optional<LogId> purge_to;  // drop the entries up to and including this one
};

// A message and the write that must be durable before it may leave; 0 = send at once, in parallel with the disk.
struct Outgoing {
  NodeId to;
  PersistSeq after;
  Message message;
};

// What became of a proposal: the entry it was given, or none when this node does not lead or hands leadership over. An
// accepted proposal is applied when its LogId shows up in `committed`, and is definitely lost when another entry is
// applied at its index.
struct Proposed {
  RequestId id;
  std::optional<LogId> entry;
  std::optional<NodeId> successor;  // refused because leadership is being handed to this node
  bool over_limit = false;          // refused because too much waits already; the node leads
};

// The read may be served once `end` entries are applied; none: no leader confirmed it, ask again.
struct ReadReady {
  RequestId id;
  std::optional<LogIndex> end;
};

enum class MembershipResult : std::uint8_t {
  kDone,
  kNotLeader,       // nothing was started here
  kInProgress,      // nothing was started: too many other changes wait, or its turn did not come in time
  kNotCaughtUp,     // the new node did not keep up; if this change had added it, it was removed again
  kLostLeadership,  // unknown outcome: the next leader may finish or drop the change
  kRefused,         // would remove the last voter; forcing: this node is no voter, or takes over a state
  kNoQuorum,        // refused: too few of the voters that would remain are reachable
  kLeaderAlive,     // forcing: this node leads, or there was a leader a moment ago
  kOtherDisk,       // the node votes with another disk; that one has to be removed first
  kSilentDisk,      // the node votes with another disk, and the one that asks has not answered for it since
};

struct MembershipDone {
  RequestId id;
  MembershipResult result{};
  NodeSet unreachable;  // kNoQuorum: remaining voters that were not heard within an election timeout
};

enum class TransferResult : std::uint8_t {
  kDone,        // the target campaigns in a later term
  kDeposed,     // leadership ended otherwise; whether the target wins is not known here
  kTimedOut,    // the target did not take over in time; this node leads on
  kNotLeader,   // nothing was started here
  kNotVoter,    // the target may not lead: not a voter, or about to be removed
  kSelf,        // the target leads already
  kNoTarget,    // no other voter is fit to lead
  kInProgress,  // another transfer is running
};
[[nodiscard]] const char* ToString(TransferResult result);

struct TransferDone {
  RequestId id;
  TransferResult result{};
  std::optional<NodeId> to;
};

// Stream the current state to `to`, then report SnapshotSent. `term` is the sender's.
struct SendSnapshot {
  NodeId to;
  Term term;
};

// Read entries [begin, end) from the log store, no more than `bytes_max` unless the first one alone is larger, then
// report EntriesLoaded. They were durable when this was asked for. At most one runs per peer, and one to apply.
struct LoadEntries {
  std::optional<NodeId> peer;  // none: to be applied
  LogIndex begin;
  LogIndex end;
  std::size_t bytes_max = 0;
};

// Everything that a step asks its driver to do. Order matters where it is stated:
//
//   persist ----> durable ----> messages with after <= seq may leave      (never earlier)
//      \                  \---> Persisted{seq} goes back in               (counts towards the commit rule)
//       \--- meanwhile: messages with after == 0, committed entries       (already durable here and on a quorum)
//
// `install_snapshot` is done before anything later; until SnapshotInstalled goes in, no further entries are committed.
struct Output {
  std::optional<Persist> persist;
  std::vector<Outgoing> messages;
  std::vector<Entry> committed;  // to apply, in log order, each exactly once per incarnation
  std::vector<Proposed> proposed;
  std::vector<ReadReady> reads;
  std::vector<MembershipDone> membership_done;
  std::vector<TransferDone> transfer_done;
  std::vector<SendSnapshot> send_snapshots;
  std::vector<LoadEntries> loads;
  std::vector<NodeId> cancel_snapshots;  // the peer no longer needs the running transfer
  std::optional<SnapshotMeta> install_snapshot;
  std::vector<TraceEvent> trace;
};

}  // namespace metasrv
