#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "consensus/message.h"

namespace metasrv {

// Time has passed; fires whatever is due.
struct Tick {};

// A message from `from` arrived, sent with the disk `incarnation`. It may be late, repeated or out of order.
struct Received {
  NodeId from;
  Message message;
  Incarnation incarnation{};
};

// A client's commands, to be appended in this order.
struct Proposal {
  RequestId id;
  std::string payload;
  bool exempt = false;  // from the leader's limits: it makes room, or somebody waits for it to restore service
};
struct Propose {
  std::vector<Proposal> proposals;
};

// A read that must see every write acknowledged before now.
struct Read {
  RequestId id;
};

enum class MembershipGoal : std::uint8_t {
  kVoter,    // add as learner, promote when caught up; an existing voter is done at once
  kLearner,  // add as learner; an existing learner or voter stays what it is
  kAbsent,   // remove voter or learner; also this leader itself, which then steps down (thesis §4.2.2)
  kRewrite,  // append the current membership again (single-node bootstrap, export-format.md §10.7)
};

// Changes wait for one another in the order they come in; each ends in one MembershipDone. A change whose goal is
// reached already, also by one before it, is done at once and writes nothing.
struct ChangeMembership {
  RequestId id;
  NodeId node;
  MembershipGoal goal{};
  Incarnation disk{};  // kVoter: the disk that asks; 0: whichever it is
};

// An operator gives up the other voters for good: this node becomes the only voter, in a new term, with everything that
// its log holds. Ends in one MembershipDone: kDone, kLeaderAlive or kRefused.
struct ForceSingleVoter {
  RequestId id;
};

// Everything up to and including write `seq` is durable. Writes complete in order.
struct Persisted {
  PersistSeq seq;
};

// The transfer that Output::send_snapshots asked for has ended.
struct SnapshotSent {
  NodeId to;
  bool delivered = false;  // the peer has installed it
  std::optional<LogId> last;
  Incarnation incarnation{};  // of the disk that has it
};

// A complete snapshot of leader `from` in `term` lies ready to be installed.
struct SnapshotReceived {
  NodeId from;
  Term term;
  SnapshotMeta meta;
};

// The installation that Output::install_snapshot asked for is durable.
struct SnapshotInstalled {
  SnapshotMeta meta;
};

// Entries before `begin` may be forgotten. Requires: the durable state machine contains them.
struct Compact {
  LogIndex begin;
};

// Hand leadership over to `to`, or to the best suited follower. While it lasts, proposals and membership changes are
// refused. Ends in one TransferDone, at the latest after election_timeout_min: then this node leads on as before.
struct TransferLeadership {
  RequestId id;
  std::optional<NodeId> to;
  bool only_healthier = false;  // without a target: only to a member whose disk does better than this node's
};

// How this node's disk does. A leader with a stalled disk steps down; a follower with one does not campaign, and one
// with a slow disk waits longer before it does.
struct DiskHealth {
  DiskLevel level{};
};

// This node's state is wrong, though its log is right (docs/decisions/0022): it applies nothing and neither leads nor
// campaigns until a snapshot has replaced the state.
struct Quarantine {};

// `from` needs the whole state although the log could bring it up to date. Ignored unless this node leads.
struct SnapshotWanted {
  NodeId from;
};

// What Output::loads asked for: entries from `begin` on, in order. None when the first one is not in the store any
// more.
struct EntriesLoaded {
  std::optional<NodeId> peer;  // none: to be applied
  LogIndex begin;
  std::vector<Entry> entries;
};

// How much room the disk has. Low: clients are refused what makes the state grow (the node's business). Critical: this
// node neither leads nor takes entries, so that what must be written in any case still fits.
enum class SpaceLevel : std::uint8_t { kEnough, kLow, kCritical };
struct DiskSpace {
  SpaceLevel level{};
};

// This node's clocks disagree about how much time has passed, or time passed without the node running. What it has
// measured so far proves nothing any more.
struct ClockJumped {
  enum class Kind : std::uint8_t {
    kDisagreement,  // one of the clocks stopped, was set or ran wild
    kPause,         // the loop was late by a large part of election_timeout_min; the clocks agree
  };
  Kind kind{};
};

// Campaign now, without waiting for the election timeout (tests, first start of a single voter). Ignores what this node
// owes to its leader: not to be fed while that may hold a lease.
struct Campaign {};

using Input = std::variant<Tick, Received, Propose, Read, ChangeMembership, ForceSingleVoter, Persisted, SnapshotSent,
                           SnapshotReceived, SnapshotInstalled, Compact, EntriesLoaded, TransferLeadership, DiskHealth,
                           DiskSpace, ClockJumped, Campaign, Quarantine, SnapshotWanted>;

}  // namespace metasrv
