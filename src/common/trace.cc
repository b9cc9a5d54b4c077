#include "common/trace.h"

namespace metasrv {

const char* ToString(TraceKind kind) {
  switch (kind) {
    case TraceKind::kRoleChanged: return "role-changed";
    case TraceKind::kLeaderKnown: return "leader-known";
    case TraceKind::kVoteGranted: return "vote-granted";
    case TraceKind::kTermChanged: return "term-changed";
    case TraceKind::kLogTruncated: return "log-truncated";
    case TraceKind::kCommitted: return "committed";
    case TraceKind::kMembershipAppended: return "membership-appended";
    case TraceKind::kMembershipDone: return "membership-done";
    case TraceKind::kChangeQueued: return "change-queued";
    case TraceKind::kChangeEnded: return "change-ended";
    case TraceKind::kPromoted: return "promoted";
    case TraceKind::kJointLeft: return "joint-left";
    case TraceKind::kLeaderRemoved: return "leader-removed";
    case TraceKind::kForcedSingleVoter: return "forced-single-voter";
    case TraceKind::kFarewellEnded: return "farewell-ended";
    case TraceKind::kSnapshotSendStarted: return "snapshot-send-started";
    case TraceKind::kLoadAsked: return "load-asked";
    case TraceKind::kLoadedForPeer: return "loaded-for-peer";
    case TraceKind::kLoadedToApply: return "loaded-to-apply";
    case TraceKind::kLoadOvertaken: return "load-overtaken";
    case TraceKind::kProposalRefused: return "proposal-refused";
    case TraceKind::kDiskSpace: return "disk-space";
    case TraceKind::kGrowthRefused: return "growth-refused";
    case TraceKind::kReliefPassed: return "relief-passed";
    case TraceKind::kSnapshotSendEnded: return "snapshot-send-ended";
    case TraceKind::kSnapshotInstalled: return "snapshot-installed";
    case TraceKind::kSnapshotSendQueued: return "snapshot-send-queued";
    case TraceKind::kSnapshotResumed: return "snapshot-resumed";
    case TraceKind::kSnapshotRestarted: return "snapshot-restarted";
    case TraceKind::kSnapshotReceiveResumed: return "snapshot-receive-resumed";
    case TraceKind::kSnapshotReceiveStarted: return "snapshot-receive-started";
    case TraceKind::kSnapshotReceiveEnded: return "snapshot-receive-ended";
    case TraceKind::kSnapshotChunkDamaged: return "snapshot-chunk-damaged";
    case TraceKind::kQuarantined: return "quarantined";
    case TraceKind::kResynced: return "resynced";
    case TraceKind::kDivergenceSeen: return "divergence-seen";
    case TraceKind::kDivergenceDisputed: return "divergence-disputed";
    case TraceKind::kStateScrubbed: return "state-scrubbed";
    case TraceKind::kSnapshotDamaged: return "snapshot-damaged";
    case TraceKind::kLogPurged: return "log-purged";
    case TraceKind::kApplied: return "applied";
    case TraceKind::kTransferStarted: return "transfer-started";
    case TraceKind::kTransferEnded: return "transfer-ended";
    case TraceKind::kTimeoutNow: return "timeout-now";
    case TraceKind::kHandOver: return "hand-over";
    case TraceKind::kDiskGivenUp: return "disk-given-up";
    case TraceKind::kWriteHeld: return "write-held";
    case TraceKind::kDiskHealth: return "disk-health";
    case TraceKind::kLeaseRead: return "lease-read";
    case TraceKind::kLeaseMissed: return "lease-missed";
    case TraceKind::kLeaseDropped: return "lease-dropped";
    case TraceKind::kVoteRefusedAfterStart: return "vote-refused-after-start";
    case TraceKind::kStarted: return "started";
    case TraceKind::kStopped: return "stopped";
    case TraceKind::kWipedVoterRefused: return "wiped-voter-refused";
    case TraceKind::kForeignDisk: return "foreign-disk";
    case TraceKind::kDiskRefused: return "disk-refused";
    case TraceKind::kDiskLied: return "disk-lied";
    case TraceKind::kDisksRecorded: return "disks-recorded";
    case TraceKind::kForeignCluster: return "foreign-cluster";
    case TraceKind::kDiskReplaced: return "disk-replaced";
    case TraceKind::kInfo: return "info";
    case TraceKind::kWarning: return "warning";
  }
  return "?";
}

const char* ToString(Stage stage) {
  switch (stage) {
    case Stage::kPersist: return "persist";
    case Stage::kReplicate: return "replicate";
    case Stage::kCommit: return "commit";
    case Stage::kApply: return "apply";
    case Stage::kConfirmRead: return "confirm_read";
  }
  return "?";
}

void TraceSink::Measure(NodeId, Stage, NodeId, Duration) {}

}  // namespace metasrv
