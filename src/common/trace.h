#pragma once

#include <cstdint>
#include <string>

#include "common/ids.h"
#include "common/time.h"

namespace metasrv {

enum class TraceKind : std::uint8_t {
  kRoleChanged,            // a = term, b = Role
  kLeaderKnown,            // a = term, b = leader
  kVoteGranted,            // a = term, b = candidate
  kTermChanged,            // a = term
  kLogTruncated,           // a = first removed index
  kCommitted,              // a = number of committed entries
  kMembershipAppended,     // a = index, b = hash of the membership
  kMembershipDone,         // a = index
  kSnapshotSendStarted,    // a = peer, b = last index
  kSnapshotSendEnded,      // a = peer, b = 1 when the peer has it
  kSnapshotInstalled,      // a = last index
  kLogPurged,              // a = first index kept
  kApplied,                // a = number of applied entries
  kTransferStarted,        // a = term, b = the node that is to lead
  kTransferEnded,          // a = TransferResult, b = the node that was to lead
  kTimeoutNow,             // a = new term, b = the leader that handed over: this node campaigns for it
  kHandOver,               // a = HandOverReason: the node wants to give leadership away
  kWriteHeld,              // a write waits for the end of a hand-over
  kDiskHealth,             // a = DiskLevel, b = 1 when the node led
  kDiskGivenUp,            // a = milliseconds that a write has been hanging: the node ends
  kStarted,                // a = first index kept, b = end of the log
  kStopped,                // text = reason; a = 1 when a disk error forced it
  kLoadAsked,              // a = peer, b = 1 when some of the entries are not committed
  kLoadedForPeer,          // a = peer, b = number of entries that were read back and sent
  kLoadedToApply,          // a = number of entries that were read back and applied
  kLoadOvertaken,          // a = first index asked for, b = 1 when its entries were purged, 0 when they were replaced
  kProposalRefused,        // a = request: over a limit of the leader
  kDiskSpace,              // a = SpaceLevel
  kGrowthRefused,          // a write that needs room was refused because the disk is almost full
  kReliefPassed,           // a write that makes room went on although the disk is almost full
  kLeaseRead,              // a = entries the read must see: answered without a round
  kLeaseMissed,            // a = the same: leases are on, none holds, a round is needed
  kLeaseDropped,           // a = LeaseEnd
  kVoteRefusedAfterStart,  // a = term, b = candidate: this node may owe loyalty from its last life
  kChangeQueued,           // a = node, b = number of changes before it
  kChangeEnded,            // a = node, b = MembershipResult
  kPromoted,               // a = learner that becomes a voter, b = entries that it misses
  kJointLeft,              // a = index of the joint entry, b = 1 when an earlier leader had appended it
  kLeaderRemoved,          // a = term of the leader that steps down because it is not a member any more
  kForcedSingleVoter,      // a = term, b = end of the log: an operator made this node the only voter
  kFarewellEnded,          // a = removed member, b = 1 when it has confirmed that it knows
  kWipedVoterRefused,      // a = term that was asked for, b = incarnation that the candidate's configuration records
  kForeignDisk,            // a = voter, b = incarnation that answered and does not count
  kDiskRefused,            // a = term, b = incarnation that the leader counts on for this node
  kDiskLied,               // a = peer, b = number of entries that it had acknowledged
  kDisksRecorded,          // a = index
  kForeignCluster,         // a = sender, b = its cluster
  kDiskReplaced,           // a = voter, b = new incarnation
  kInfo,                   // text only: a line for the operator
  kWarning,                // text only: a line for the operator

  kSnapshotSendQueued,      // a = peer, b = peer whose transfer runs
  kSnapshotResumed,         // a = peer, b = number of the piece it goes on with
  kSnapshotRestarted,       // a = peer, b = number of the piece up to which it has other rows
  kSnapshotReceiveResumed,  // a = sender, b = number of the piece it goes on with
  kSnapshotReceiveStarted,  // a = sender, b = last index
  kSnapshotReceiveEnded,    // a = sender, b = 1 when the state is here, 0 when this attempt brought none
  kSnapshotChunkDamaged,    // a = sender, b = number of the piece
  kQuarantined,             // a = last applied index, b = 1 when an earlier life found it: the state is wrong
  kResynced,                // a = last applied index: a wrong state was replaced
  kDivergenceSeen,          // a = node whose state is wrong, b = index of the checkpoint
  kDivergenceDisputed,      // a = index of the checkpoint: the states differ, without a majority
  kStateScrubbed,           // a = 1 when the rows add up to the stored hash
  kSnapshotDamaged,         // a = sender, b = number of pieces: complete, and not what was announced
};

// Something that happened inside a node, as a value: the server prints it, the simulator hashes it. `text` is for
// people and never part of a digest.
struct TraceEvent {
  TraceKind kind{};
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::string text;
};

[[nodiscard]] const char* ToString(TraceKind kind);

// A part of a request's way through a node whose duration is measured.
enum class Stage : std::uint8_t {
  kPersist,      // a write to the log store, until it is durable
  kReplicate,    // new entries to one peer, until it has them durably
  kCommit,       // a proposal on the leader, from its arrival until it is applied
  kApply,        // a batch of committed entries
  kConfirmRead,  // a batch of reads, from its arrival until its index is confirmed
};

[[nodiscard]] const char* ToString(Stage stage);

// Receives the events of one node. Called on the node's event loop; must not call back into the node.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void Emit(NodeId node, const TraceEvent& event) = 0;
  // `stage` took that long; `peer` is the node itself except for kReplicate. Not part of the story: most sinks ignore
  // it.
  virtual void Measure(NodeId node, Stage stage, NodeId peer, Duration took);
};

}  // namespace metasrv
