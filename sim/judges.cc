#include "sim/judges.h"

#include <algorithm>
#include <array>

#include "common/check.h"
#include "consensus/core.h"
#include "sim/export_check.h"
#include "sim/leadership_probes.h"
#include "sim/restore.h"

namespace metasrv::sim {
namespace {

RoleName RoleOf(const RaftCore& core) {
  if (std::holds_alternative<Leader>(core.role())) return RoleName::kLeader;
  if (!std::holds_alternative<Follower>(core.role())) return RoleName::kCandidate;
  return core.membership().current().IsVoter(core.options().id) ? RoleName::kFollower : RoleName::kLearner;
}

}  // namespace

Judges::Judges(History::TokenOf token_of, Verdict& verdict, Probes& probes)
    : verdict_(verdict),
      probes_(probes),
      election_safety_(verdict),
      log_matching_(verdict),
      leader_completeness_(verdict),
      commit_rule_(verdict, [this](NodeId node, Incarnation recorded) { return DiskOf(node, recorded); }),
      committed_immutable_(verdict),
      match_truth_(verdict),
      membership_rule_(verdict),
      monotonic_(verdict),
      promises_(verdict),
      recorded_disks_(verdict),
      history_(log_matching_, std::move(token_of), verdict),
      state_machine_safety_(history_, verdict) {}

const DiskLedger* Judges::DiskOf(NodeId node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? nullptr : &found->second.disk;
}

const DiskLedger* Judges::DiskOf(NodeId id, Incarnation recorded) const {
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return nullptr;
  const Watched& node = found->second;
  if (node.disk_name != Incarnation() && Counts(recorded, node.disk_name)) return &node.disk;
  for (const auto& [name, disk] : node.drawer) {
    if (Counts(recorded, name)) return &disk;
  }
  return nullptr;
}

bool Judges::CountsNow(const Membership& membership, NodeId id) const {
  const auto found = nodes_.find(id);
  if (found == nodes_.end() || found->second.disk_name == Incarnation()) return false;
  return Counts(membership.identity.Recorded(id), found->second.disk_name);
}

bool Judges::CanLoseDisk(NodeId lost) const {
  const auto can_lose = [&](const Membership& membership, const NodeSet& voters) {
    if (!Contains(voters, lost)) return true;
    const auto gone =
        std::ranges::count_if(voters, [&](NodeId id) { return id == lost || !CountsNow(membership, id); });
    const bool pair = nodes_.size() == 2 && membership.configs.size() == 1 && voters.size() == 2;
    return 2 * static_cast<std::size_t>(gone) < voters.size() || (pair && gone == 1);
  };
  return std::ranges::all_of(nodes_, [&](const auto& node) {
    const Membership& membership = node.second.membership;
    return std::ranges::all_of(membership.configs, [&](const NodeSet& voters) { return can_lose(membership, voters); });
  });
}

void Judges::OnDiskReplaced(NodeId id) {
  Watched& node = nodes_[id];
  CHECK(node.raft == nullptr);
  if (node.disk_name != Incarnation()) node.drawer[node.disk_name] = node.disk;
  node.disk_name = Incarnation();
  node.disk = DiskLedger();
  node.membership = Membership();
  node.membership_id.reset();
  match_truth_.ForgetEverywhere(id);
}

std::vector<Membership> Judges::Memberships() const {
  std::vector<Membership> memberships;
  for (const auto& [id, node] : nodes_) memberships.push_back(node.membership);
  return memberships;
}

void Judges::OnImported(NodeId id, const std::vector<Entry>& entries) {
  std::optional<Term> previous;
  for (const Entry& entry : entries) {
    log_matching_.OnStored(id, previous, entry);
    previous = entry.id.term;
  }
}

void Judges::OnRestored(const Restored& restored) {
  for (const auto& [id, disk] : restored.disks) OnImported(id, {disk.log.entries.begin(), disk.log.entries.end()});
  const io::DiskImage& disk = restored.disks.begin()->second;
  history_.StartFrom(disk.state.rows, restored.applied);
  membership_rule_.StartWith(disk.log.end(), restored.membership);
  std::vector<Term> terms;
  const Term purged = disk.log.purged.value_or(restored.applied.value_or(LogId())).term;
  for (LogIndex index; index < restored.committed_end; index = index.Next()) {
    const Entry* entry = disk.log.Find(index);
    terms.push_back(entry == nullptr ? purged : entry->id.term);
  }
  committed_.StartWith(std::move(terms));
}

void Judges::OnOpened(NodeId id, std::uint32_t incarnation, const io::LogContents& log,
                      const std::optional<StateSeen>& state) {
  Watched& node = nodes_[id];
  node.id = id;
  node.incarnation = incarnation;
  node.disk.Recover(log);
  node.disk_name = log.incarnation.value_or(Incarnation());
  node.applied_end = state ? state->last.index.Next() : LogIndex(0);
  node.leads.reset();
  node.believed_end = LogIndex(0);
  monotonic_.OnRecovered(id, log.hard_state);
  if (!state) node.rotten = false;
  if (!state) return;
  if (state->durable) node.disk.InstallState(state->last);
  if (node.rotten) {
    // A crash takes the rot away if the row had not reached the disk; the rows were just counted, so this can be told.
    history_.AdvanceTo(state->last);
    node.rotten = verdict_.failed() || history_.At(state->last.index).row_sum != state->row_sum;
    return;
  }
  state_machine_safety_.OnState(id, state->last, state->row_sum);
}

void Judges::OnRunning(NodeId id, const Raft& raft) {
  Watched& node = nodes_[id];
  node.raft = &raft;
  node.membership_id = raft.core().membership().current_id();
  node.membership = raft.core().membership().current();
  Hear(node);
}

void Judges::OnDied(NodeId id, const io::LogContents& log) {
  Watched& node = nodes_[id];
  node.raft = nullptr;
  node.disk.Recover(log);
  promises_.OnCrashed(id);
}

void Judges::Hear(Watched& node) {
  if (std::exchange(node.heard_of, true)) return;
  heard_.push_back(node.id);
}

void Judges::OnLogIssued(NodeId id, const io::LogBatch& batch) {
  Watched& node = nodes_[id];
  Hear(node);
  if (batch.incarnation) node.disk_name = *batch.incarnation;
  if (batch.hard_state) monotonic_.OnHardState(id, *batch.hard_state);
  const bool cuts = batch.truncate_from || batch.reset_to;
  const LogOutline before = cuts ? node.disk.issued() : LogOutline();
  node.disk.Issue(batch);
  const LogOutline& after = node.disk.issued();
  for (const Entry& entry : batch.append) {
    const auto previous = entry.id.index == LogIndex(0) ? std::nullopt : after.TermAt(entry.id.index.Prev());
    log_matching_.OnStored(id, previous, entry);
    membership_rule_.OnStored(entry);
  }
  if (!cuts) return;
  committed_immutable_.OnWrite(id, before, after, committed_);
  promises_.OnWrite(id, after);
}

void Judges::OnLogDurable(NodeId id) {
  Watched& node = nodes_[id];
  node.disk.Complete();
  Hear(node);
}

void Judges::OnState(NodeId id, LogId last, std::uint64_t row_sum, bool installed) {
  Watched& node = nodes_[id];
  Hear(node);
  node.applied_end = last.index.Next();
  if (installed) node.disk.InstallState(last);
  if (installed) node.rotten = false;
  if (node.rotten) return history_.AdvanceTo(last);
  state_machine_safety_.OnState(id, last, row_sum);
}

void Judges::OnApplied(NodeId id, const sm::Applied& applied) {
  nodes_[id].told_end = applied.id.index.Next();
  if (!Rotten(id)) state_machine_safety_.OnApplied(id, applied);
}

void Judges::OnRotted(NodeId id) {
  Watched& node = nodes_[id];
  node.rotten = node.ever_rotten = true;
  node.quarantined_in.reset();
}

bool Judges::Rotten(NodeId id) const {
  const auto found = nodes_.find(id);
  return found != nodes_.end() && found->second.rotten;
}

bool Judges::AnyRotten() const {
  return std::ranges::any_of(nodes_, [](const auto& node) { return node.second.rotten; });
}

bool Judges::EverRotten() const {
  return std::ranges::any_of(nodes_, [](const auto& node) { return node.second.ever_rotten; });
}

bool Judges::MayTrustRead(NodeId id) {
  const Watched& node = nodes_[id];
  if (node.rotten && node.quarantined_in == node.incarnation) {
    verdict_.Broken(kQuarantinedServesNothing, Name(id) + " serves a read");
  }
  return !node.rotten;
}

void Judges::OnQuarantined(NodeId id, bool after_restart) {
  Watched& node = nodes_[id];
  probes_.Hit(Probe::k_quarantined);
  if (after_restart) probes_.Hit(Probe::k_quarantine_survived_restart);
  if (node.leads) probes_.Hit(Probe::k_quarantined_leader);
  node.quarantined_in = node.incarnation;
  if (!node.rotten) verdict_.Broken(kNoFalseQuarantine, Name(id));
}

void Judges::OnResynced(NodeId id) {
  probes_.Hit(Probe::k_resynced);
  nodes_[id].quarantined_in.reset();
}

void Judges::HitSpace(SpaceLevel level) {
  switch (level) {
    case SpaceLevel::kEnough: return probes_.Hit(Probe::k_space_again);
    case SpaceLevel::kLow: return probes_.Hit(Probe::k_space_low);
    case SpaceLevel::kCritical: return probes_.Hit(Probe::k_space_critical);
  }
}

void Judges::OnTrace(NodeId id, const TraceEvent& event) {
  const auto found = nodes_.find(id);
  if (found != nodes_.end()) Hear(found->second);
  switch (event.kind) {
    case TraceKind::kVoteGranted: probes_.Hit(Probe::k_votes_granted); break;
    case TraceKind::kLogTruncated: probes_.Hit(Probe::k_log_truncated); break;
    case TraceKind::kLogPurged: probes_.Hit(Probe::k_log_purged); break;
    case TraceKind::kProposalRefused: probes_.Hit(Probe::k_proposal_refused); break;
    case TraceKind::kGrowthRefused: probes_.Hit(Probe::k_growth_refused); break;
    case TraceKind::kReliefPassed: probes_.Hit(Probe::k_relief_passed); break;
    case TraceKind::kDiskSpace: HitSpace(static_cast<SpaceLevel>(event.a)); break;
    case TraceKind::kLoadedForPeer: probes_.Hit(Probe::k_loaded_for_peer); break;
    case TraceKind::kLoadedToApply: probes_.Hit(Probe::k_loaded_to_apply); break;
    case TraceKind::kLoadOvertaken: probes_.Hit(event.b == 1 ? Probe::k_load_purged : Probe::k_load_replaced); break;
    case TraceKind::kSnapshotSendEnded: probes_.Hit(Probe::k_snapshot_sent, event.b); break;
    case TraceKind::kSnapshotInstalled: probes_.Hit(Probe::k_snapshot_installed); break;
    case TraceKind::kSnapshotSendQueued: probes_.Hit(Probe::k_snapshot_queued); break;
    case TraceKind::kSnapshotResumed: probes_.Hit(Probe::k_snapshot_resumed); break;
    case TraceKind::kSnapshotRestarted: probes_.Hit(Probe::k_snapshot_restarted); break;
    case TraceKind::kSnapshotChunkDamaged: probes_.Hit(Probe::k_snapshot_chunk_damaged); break;
    case TraceKind::kSnapshotReceiveResumed: OnReceiveResumed(id, NodeId(event.a)); break;
    case TraceKind::kQuarantined: OnQuarantined(id, event.b != 0); break;
    case TraceKind::kResynced: OnResynced(id); break;
    case TraceKind::kDivergenceSeen: probes_.Hit(Probe::k_divergence_seen); break;
    case TraceKind::kStateScrubbed: probes_.Hit(Probe::k_state_scrubbed); break;
    case TraceKind::kSnapshotDamaged:
      if (nodes_[NodeId(event.a)].ever_rotten) {
        probes_.Hit(Probe::k_snapshot_doubted);
        break;
      }
      verdict_.Broken(kSnapshotsArriveWhole, Name(id) + " got " + std::to_string(event.b) + " pieces from " +
                                                 Name(NodeId(event.a)) + " that are not what was announced");
      break;
    case TraceKind::kLeaseRead: probes_.Hit(Probe::k_lease_read); break;
    case TraceKind::kLeaseMissed: probes_.Hit(Probe::k_lease_missed); break;
    case TraceKind::kLeaseDropped:
      if (static_cast<LeaseEnd>(event.a) == LeaseEnd::kClockJump) probes_.Hit(Probe::k_lease_dropped_by_clock);
      if (static_cast<LeaseEnd>(event.a) == LeaseEnd::kTransfer) probes_.Hit(Probe::k_lease_dropped_by_transfer);
      break;
    case TraceKind::kVoteRefusedAfterStart: probes_.Hit(Probe::k_vote_refused_after_start); break;
    case TraceKind::kMembershipDone: probes_.Hit(Probe::k_membership_done); break;
    case TraceKind::kWipedVoterRefused: probes_.Hit(Probe::k_vote_refused_by_disk); break;
    case TraceKind::kForeignDisk: probes_.Hit(Probe::k_answer_of_other_disk); break;
    case TraceKind::kDisksRecorded: probes_.Hit(Probe::k_disks_recorded); break;
    case TraceKind::kDiskReplaced: probes_.Hit(Probe::k_disk_replaced_in_pair); break;
    case TraceKind::kForeignCluster: probes_.Hit(Probe::k_foreign_cluster); break;
    case TraceKind::kChangeQueued: probes_.Hit(Probe::k_change_queued); break;
    case TraceKind::kChangeEnded: NoteChangeEnded(event); break;
    case TraceKind::kPromoted: probes_.Hit(Probe::k_promoted_lagging, event.b > 0 ? 1 : 0); break;
    case TraceKind::kJointLeft: probes_.Hit(Probe::k_joint_left_by_other, event.b); break;
    case TraceKind::kLeaderRemoved: probes_.Hit(Probe::k_leader_removed_itself); break;
    case TraceKind::kFarewellEnded:
      probes_.Hit(event.b > 0 ? Probe::k_removed_was_told : Probe::k_removed_was_not_told);
      break;
    default: CountLeadershipEvent(event, probes_); break;
  }
}

void Judges::NoteChangeEnded(const TraceEvent& event) {
  switch (static_cast<MembershipResult>(event.b)) {
    case MembershipResult::kNotCaughtUp: probes_.Hit(Probe::k_join_gave_up); break;
    case MembershipResult::kLostLeadership: probes_.Hit(Probe::k_change_cut_off); break;
    case MembershipResult::kSilentDisk: probes_.Hit(Probe::k_silent_disk_refused); break;
    case MembershipResult::kNoQuorum: probes_.Hit(Probe::k_leave_refused_for_quorum); break;
    case MembershipResult::kDone:
    case MembershipResult::kNotLeader:
    case MembershipResult::kInProgress:
    case MembershipResult::kLeaderAlive:
    case MembershipResult::kOtherDisk:
    case MembershipResult::kRefused: break;
  }
}

void Judges::OnReceiveResumed(NodeId id, NodeId from) {
  Watched& node = nodes_[id];
  if (node.staged_in != 0 && node.staged_in != node.incarnation) probes_.Hit(Probe::k_snapshot_resumed_after_restart);
  if (node.staged_from && node.staged_from != from) probes_.Hit(Probe::k_snapshot_resumed_from_other);
}

bool Judges::AnyFollowerIsSlow(NodeId elected) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& item) {
    const Raft* raft = item.second.raft;
    return item.first != elected && raft != nullptr && raft->core().disk() == DiskLevel::kSlow;
  });
}

const Log* Judges::LeaderLog(NodeId id, Term term) const {
  const auto found = nodes_.find(id);
  if (found == nodes_.end() || found->second.raft == nullptr) return nullptr;
  const RaftCore& core = found->second.raft->core();
  const bool leads = core.hard_state().term == term && std::holds_alternative<Leader>(core.role());
  return leads ? &core.log() : nullptr;
}

void Judges::OnLeave(const io::Packet& packet) {
  if (packet.kind != io::PacketKind::kMessage) return;
  const auto found = nodes_.find(packet.from);
  if (found == nodes_.end()) return;
  CHECK(message_.ParseFromArray(packet.bytes.data(), static_cast<int>(packet.bytes.size())));
  if (message_.cluster_id() == kForeignClusterId) return;  // forged; what becomes of it is what is judged
  switch (message_.body_case()) {
    case pb::PeerMessage::kAppendRequest:
      election_safety_.OnActsAsLeader(packet.from, Term(message_.append_request().term()));
      break;
    case pb::PeerMessage::kVoteResponse:
      probes_.Hit(Probe::k_vote_checked);
      recorded_disks_.OnVote(message_);
      break;
    case pb::PeerMessage::kAppendResponse: probes_.Hit(Probe::k_ack_checked); break;
    case pb::PeerMessage::kSnapshotAck: {
      probes_.Hit(Probe::k_snapshot_ack_checked);
      Watched& node = found->second;
      if (message_.snapshot_ack().next() == 0) break;
      node.staged_in = node.incarnation;
      node.staged_from = packet.to;
      break;
    }
    default: return;
  }
  const Log* leader_log = LeaderLog(packet.to, Term(message_.append_response().term()));
  promises_.OnSend(packet.from, message_, found->second.disk, leader_log);
}

void Judges::OnExport(NodeId id, const node::ExportSource& source) {
  CheckExport(Name(id), source, history_, log_matching_, verdict_);
}

// An answer may change what a leader believes of a member without any other sign: that its disk is another one now.
void Judges::OnArrive(const io::Packet& packet) {
  const auto found = nodes_.find(packet.to);
  if (found != nodes_.end() && found->second.leads) Hear(found->second);
}

void Judges::AfterEvent() {
  for (std::size_t i = 0; i < heard_.size(); ++i) {
    Watched& node = nodes_[heard_[i]];
    node.heard_of = false;
    if (node.raft != nullptr && !verdict_.failed()) Judge(node);
  }
  heard_.clear();
}

NodeView Judges::ViewOf(const Watched& node) const {
  const RaftCore& core = node.raft->core();
  NodeView view;
  view.id = node.id;
  view.incarnation = node.incarnation;
  view.role = RoleOf(core);
  view.hard_state = core.hard_state();
  view.commit_end = core.commit_end();
  view.applied_end = node.applied_end;
  view.log = &core.log();
  view.membership = &core.membership().current();
  return view;
}

void Judges::Judge(Watched& node) {
  const NodeView view = ViewOf(node);
  monotonic_.OnView(view);
  Membership before = node.membership;
  const auto membership_id = node.raft->core().membership().current_id();
  if (membership_id != node.membership_id) {
    node.membership_id = membership_id;
    node.membership = *view.membership;
    if (node.membership.IsJoint()) probes_.Hit(Probe::k_membership_joint);
  }
  const std::optional<Term> led = node.leads;
  node.leads = view.role == RoleName::kLeader ? std::optional(view.hard_state.term) : std::nullopt;
  if (node.leads && node.leads != led) {
    probes_.Hit(Probe::k_elections);
    election_safety_.OnActsAsLeader(node.id, *node.leads);
    leader_completeness_.OnElected(view, committed_);
    if (AnyFollowerIsSlow(node.id)) probes_.Hit(Probe::k_slow_node_waited);
    recorded_disks_.OnElected(view);
  }
  if (led && node.leads != led) probes_.Hit(Probe::k_leader_stepped_down);
  if (node.leads) membership_rule_.OnLeader(view);
  JudgeBeliefs(node, view);
  if (view.commit_end != node.believed_end) JudgeCommit(node, view, before);
  node.believed_end = view.commit_end;
}

void Judges::JudgeBeliefs(const Watched& node, const NodeView& view) {
  const auto* leader = std::get_if<Leader>(&node.raft->core().role());
  if (leader == nullptr) return match_truth_.Forget(node.id);
  match_truth_.KeepOnly(node.id, leader->tracker.peers());
  for (const auto& [id, progress] : leader->tracker.peers()) {
    if (leader->tracker.IsGone(id)) {
      match_truth_.Forget(node.id, id);
      continue;
    }
    const DiskLedger* disk = DiskOf(id, progress.incarnation());
    if (disk != nullptr) match_truth_.OnBelief(view, id, progress.match_end(), *disk, progress.incarnation());
  }
}

void Judges::JudgeCommit(const Watched& node, const NodeView& view, const Membership& before) {
  if (view.commit_end > committed_.end()) {
    const auto last = view.log->IdAt(view.commit_end.Prev());
    const bool led = last && election_safety_.LeaderOf(last->term) == node.id;
    const std::array memberships = {before, *view.membership};
    commit_rule_.OnRaised(view, led, memberships);
    if (verdict_.failed()) return;
    const LogIndex known = std::max(committed_.end(), view.log->begin());
    for (LogIndex i = known; i < view.commit_end; i = i.Next()) membership_rule_.OnCommitted(*view.log->IdAt(i));
    committed_.Extend(view.commit_end, last->term, *view.log);
    std::vector<NodeView> running;
    for (const auto& [id, other] : nodes_) {
      if (other.raft != nullptr) running.push_back(ViewOf(other));
    }
    leader_completeness_.OnCommitted(last->term, committed_, running);
  }
  commit_rule_.OnBelieved(view, committed_.TermAt(view.commit_end.Prev()));
}

}  // namespace metasrv::sim
