#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "common/prng.h"
#include "consensus/durability.h"
#include "consensus/input.h"
#include "consensus/log.h"
#include "consensus/membership_history.h"
#include "consensus/options.h"
#include "consensus/output.h"
#include "consensus/raft.h"
#include "consensus/role.h"

namespace metasrv {

// The state behind Raft and its handlers, by concern: core.cc (dispatch, roles, output), election.cc, replication.cc,
// membership_change.cc, transfer.cc, read.cc, snapshot.cc. Each part of the state that has rules of its own is a class
// of its own.
class RaftCore {
 public:
  RaftCore(const RaftOptions& options, Recovered recovered, Instant now, Prng prng);

  [[nodiscard]] Output Step(Instant now, Input input);
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] RaftStatus status() const;

  [[nodiscard]] const RaftOptions& options() const { return options_; }
  [[nodiscard]] const HardState& hard_state() const { return hard_state_; }
  [[nodiscard]] const Log& log() const { return log_; }
  [[nodiscard]] const Role& role() const { return role_; }
  [[nodiscard]] LogIndex commit_end() const { return commit_end_; }
  [[nodiscard]] SpaceLevel space() const { return space_; }
  [[nodiscard]] LogIndex emitted_end() const { return emitted_end_; }
  [[nodiscard]] bool quarantined() const { return quarantined_; }
  [[nodiscard]] LogIndex durable_end() const { return durability_.durable_end(); }
  [[nodiscard]] const MembershipHistory& membership() const { return membership_; }
  [[nodiscard]] DiskLevel disk() const { return disk_; }
  // This leader is handing over: it accepts nothing new.
  [[nodiscard]] bool IsTransferring() const;
  // The voters' promise to refuse other candidates no longer protects this leader: it has told a member to campaign,
  // and a late TimeoutNow overrides that promise for the rest of the term, whatever became of the transfer. Reads must
  // be confirmed by a round from then on (thesis §6.4.1).
  [[nodiscard]] bool LeaseIsForfeit() const;
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }
  // The cluster this node is committed to belong to; 0: not known yet.
  [[nodiscard]] ClusterId cluster() const { return membership_.ClusterAt(commit_end_); }
  // The leader counts on another disk under this node's name.
  [[nodiscard]] bool disk_refused() const { return disk_refused_; }
  // Whether promises that `voter` makes with `disk` count in the present membership.
  [[nodiscard]] bool CountsDisk(NodeId voter, Incarnation disk) const;

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  // core.cc
  void Handle(const Tick& tick);
  void Handle(Received received);
  void Handle(Propose propose);
  [[nodiscard]] bool IsOverLimit(const Proposal& proposal) const;
  void Handle(const Persisted& persisted);
  void Handle(const Compact& compact);
  void Handle(const Campaign& campaign);
  [[nodiscard]] bool ObserveTerm(NodeId from, const Message& message);
  void BecomeFollower(Term term, std::optional<NodeId> leader);
  void LeaveRole();
  [[nodiscard]] bool MayCampaign() const;
  [[nodiscard]] bool MayBeElected() const;
  [[nodiscard]] bool IsOnlyVoter() const;
  void ResetElectionTimer();
  void SetHardState(HardState state);
  Entry& AppendToLog(Entry entry);
  void SendNow(NodeId to, Message message);
  void SendDurable(NodeId to, Message message);  // leaves once everything this step writes is durable
  void Trace(TraceKind kind, std::uint64_t a, std::uint64_t b = 0);
  [[nodiscard]] bool HardStateIsDurable() const;
  Output Finish();
  void EmitCommitted();

  // election.cc
  void StartPreVote();
  void StartElection(bool transfer);
  void BecomeLeader();
  void OnMessage(NodeId from, const VoteRequest& request);
  void OnMessage(NodeId from, const VoteResponse& response);
  [[nodiscard]] bool IsUpToDate(const std::optional<LogId>& last) const;
  [[nodiscard]] bool LeaderIsFresh() const;
  [[nodiscard]] bool MayOweLoyalty() const;
  void CountOwnVote();

  // replication.cc
  void OnMessage(NodeId from, AppendRequest& request);
  void OnMessage(NodeId from, const AppendResponse& response);
  void FollowLeader(NodeId leader);
  [[nodiscard]] std::optional<AppendResponse> RefuseAppend(const AppendRequest& request) const;
  void StoreEntries(AppendRequest& request);
  void Replicate(NodeId to, Progress& progress);
  [[nodiscard]] bool MaySend(const Progress& progress) const;
  [[nodiscard]] bool SendMissing(NodeId to, Progress& progress);
  void SendEntries(NodeId to, Progress& progress, std::vector<Entry> entries);
  void SendCommitPoint(NodeId to, Progress& progress);
  [[nodiscard]] AppendRequest NextAppend(const Progress& progress) const;
  void SendHeartbeat(NodeId to, Progress& progress);
  void ReplicateAll();
  void AdvanceCommit();
  void SetCommitEnd(LogIndex end);
  void LeaderTick();
  void EndFarewells();

  // load.cc
  void Handle(EntriesLoaded loaded);
  void LoadForPeer(NodeId to, Progress& progress);
  void UseForPeer(EntriesLoaded loaded);
  void LoadToApply(LogIndex end);
  void UseToApply(EntriesLoaded loaded);
  [[nodiscard]] std::vector<Entry> StillInLog(std::vector<Entry> entries, LogIndex from) const;
  void TraceOvertaken(const EntriesLoaded& loaded);

  // space.cc
  void Handle(const DiskSpace& space);
  [[nodiscard]] bool DropUnknown(AppendRequest& request) const;

  // membership_change.cc
  void Handle(const ChangeMembership& change);
  [[nodiscard]] bool MembershipIsSettled() const;
  void AdvanceChanges();
  void LeaveJointWhenCommitted();
  void EndSettledChanges();
  [[nodiscard]] std::optional<MembershipResult> AdvanceChange(Change& change);
  [[nodiscard]] std::optional<MembershipResult> StartChange(Change& change);
  [[nodiscard]] std::optional<MembershipResult> StartCatchUp(Change& change);
  [[nodiscard]] std::optional<MembershipResult> StartRemoval(Change& change);
  [[nodiscard]] std::optional<MembershipResult> PromoteWhenCaughtUp(Change& change);
  void ProposeJoint(Change& change, NodeSet voters);
  LogIndex ProposeMembership(Membership membership);
  void OnMembershipAppended();
  [[nodiscard]] bool IsReachable(NodeId id) const;
  void AnswerChange(const ChangeMembership& change, MembershipResult result);
  void EndChange(std::size_t at, MembershipResult result);
  void ExpireChanges();
  void DropChanges();
  void StepDownWhenRemoved();

  // force.cc
  void Handle(const ForceSingleVoter& force);
  [[nodiscard]] bool QuorumSeemsLost() const;

  // transfer.cc
  void Handle(const TransferLeadership& transfer);
  void Handle(const DiskHealth& health);
  void OnMessage(NodeId from, const TimeoutNow& message);
  [[nodiscard]] std::optional<TransferResult> RefuseTransfer(std::optional<NodeId> to) const;
  [[nodiscard]] bool MayTakeOver(NodeId id) const;
  [[nodiscard]] std::optional<NodeId> BestSuccessor(bool only_healthier) const;
  void AdvanceTransfer();
  void NoteSuccessor(NodeId from);
  void EndTransfer(TransferResult result);
  LogIndex AppendMembership(Membership membership);

  // identity.cc
  [[nodiscard]] bool IsIndispensable() const;
  [[nodiscard]] bool MayVote(const VoteRequest& request);
  void StampRecordedDisks();
  void NoteRecordedDisk(const AppendRequest& request);
  [[nodiscard]] bool AdmitAnswer(const Received& received);
  [[nodiscard]] bool AdmitProgress(NodeId from, Incarnation disk, const AppendResponse* response);
  void RestartPeer(NodeId peer, Progress& progress, Incarnation disk);
  void ForgetReplacedDisks();
  [[nodiscard]] Incarnation DiskOf(NodeId id) const;
  [[nodiscard]] Membership WithIdentity(Membership next);
  void RecordKnownDisks();
  [[nodiscard]] std::optional<MembershipResult> AnswerDisk(const ChangeMembership& change) const;
  void RecordNewDisk(const ChangeMembership& change);
  void AnswerNewDisks();

  // read.cc
  void Handle(const Read& read);
  void Handle(const ClockJumped& jump);
  void OnMessage(NodeId from, const ReadIndexRequest& request);
  void OnMessage(NodeId from, const ReadIndexResponse& response);
  void AddRead(ReadQueue::Item item);
  void SendRound();
  void DropLease(LeaseEnd why);
  void AnswerRead(const ReadQueue::Item& item, std::optional<LogIndex> end);
  void ConfirmReads();
  void ExpireForwardedReads();
  void FailForwardedReads();

  // snapshot.cc
  void Handle(const SnapshotSent& sent);
  void Handle(const SnapshotReceived& received);
  void Handle(const SnapshotInstalled& installed);
  void Handle(const Quarantine& quarantine);
  void Handle(const SnapshotWanted& wanted);

  RaftOptions options_;
  Prng prng_;
  HardState hard_state_;
  Log log_;
  Durability durability_;
  PersistSeq hard_state_write_;  // the write that carried `hard_state_`
  Incarnation incarnation_;      // of this node's disk
  bool disk_refused_ = false;
  MembershipHistory membership_;
  LogIndex commit_end_;
  LogIndex emitted_end_;  // entries handed out to be applied
  bool loading_to_apply_ = false;
  SpaceLevel space_ = SpaceLevel::kEnough;
  Role role_;
  Instant election_at_;    // campaign then, unless leading
  Instant sticky_until_;   // refuses (pre-)votes before: a leader may count on it
  Instant started_until_;  // ... because this node has just started
  Instant led_until_;      // this node itself
  DiskLevel disk_ = DiskLevel::kOk;
  std::optional<SnapshotMeta> installing_;
  bool quarantined_ = false;
  std::vector<std::pair<RequestId, Instant>> forwarded_reads_;  // asked of the leader; each with its give-up time

  // Collected during one step.
  Instant now_;
  Persist write_;
  bool write_due_ = false;
  Output out_;
};

}  // namespace metasrv
