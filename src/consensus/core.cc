#include "consensus/core.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/invariants.h"

namespace metasrv {
namespace {

// Marks a message that must wait for whatever this step writes; replaced by the real number in Finish().
constexpr PersistSeq kThisStep{UINT64_MAX};

}  // namespace

RaftCore::RaftCore(const RaftOptions& options, Recovered recovered, Instant now, Prng prng)
    : options_(options),
      prng_(prng),
      hard_state_(recovered.hard_state),
      log_(std::move(recovered.log)),
      durability_(log_.end()),
      incarnation_(recovered.incarnation),
      membership_(recovered.state.membership_id, std::move(recovered.state.membership)),
      role_(Follower{}),
      sticky_until_(now),
      now_(now) {
  CHECK(options_.Validate());
  if (recovered.state.last) commit_end_ = recovered.state.last->index.Next();
  CHECK_LE(commit_end_, log_.end());
  CHECK_LE(log_.begin(), commit_end_);
  emitted_end_ = commit_end_;
  if (auto term = log_.last_term()) CHECK_LE(*term, hard_state_.term);
  for (const Entry& entry : recovered.memberships) {
    CHECK(log_.IdAt(entry.id.index) == entry.id);
    CHECK_GE(entry.id.index, commit_end_);
    membership_.Append(entry);
  }
  ResetElectionTimer();
  if (!MutantOn(Mutant::kQ04) && MayOweLoyalty()) {
    sticky_until_ = now + options_.election_timeout_min;
    started_until_ = sticky_until_;
  }
  // A single voter has nobody to wait for.
  if (MayCampaign() && IsOnlyVoter()) election_at_ = now;
}

Output RaftCore::Step(Instant now, Input input) {
  CHECK_GE(now, now_);
  now_ = now;
  std::visit([this](auto& event) { Handle(std::move(event)); }, input);
  return Finish();
}

void RaftCore::Handle(const Tick&) {
  ExpireForwardedReads();
  if (std::holds_alternative<Leader>(role_)) {
    LeaderTick();
  } else if (now_ >= election_at_) {
    if (MayCampaign()) {
      // Its own vote is owed like every other; only the single voter owes it to nobody.
      CHECK(!LeaderIsFresh() || !MayOweLoyalty());
      StartPreVote();
    } else {
      ResetElectionTimer();
    }
  }
}

void RaftCore::Handle(const Campaign&) {
  if (!std::holds_alternative<Leader>(role_) && MayCampaign()) StartPreVote();
}

void RaftCore::Handle(Received received) {
  if (!ObserveTerm(received.from, received.message) || !AdmitAnswer(received)) return;
  std::visit([&](auto& message) { OnMessage(received.from, message); }, received.message);
}

// The term rule (thesis §3.3). False: the message is not to be handled any further.
bool RaftCore::ObserveTerm(NodeId from, const Message& message) {
  const Term term = TermOf(message);
  if (const auto* request = std::get_if<VoteRequest>(&message)) {
    // While a leader is fresh, a campaign of somebody who does not hear it must not disturb it (thesis §4.2.3).
    if (request->pre_vote || term <= hard_state_.term) return true;
    if (LeaderIsFresh() && !request->transfer) return false;
    NoteSuccessor(from);
    BecomeFollower(term, std::nullopt);
    return true;
  }
  if (const auto* response = std::get_if<VoteResponse>(&message); response && response->pre_vote && response->granted) {
    return true;  // carries the term that was asked for, which nobody has entered yet
  }
  if (term > hard_state_.term) {
    NoteSuccessor(from);
    BecomeFollower(term, std::nullopt);
  }
  if (term < hard_state_.term && std::holds_alternative<AppendRequest>(message)) {
    // Tells a deposed leader, or one whose term this node has left behind, that its time is over.
    SendDurable(from, AppendResponse{.term = hard_state_.term,
                                     .success = false,
                                     .end = LogIndex(0),
                                     .hint_term = std::nullopt,
                                     .refused = std::get<AppendRequest>(message).prev,
                                     .round = 0,
                                     .disk = disk_});
  }
  return term == hard_state_.term;
}

void RaftCore::Handle(Propose propose) {
  const bool leads = std::holds_alternative<Leader>(role_);
  const std::optional<NodeId> successor =
      IsTransferring() ? std::optional(std::get<Leader>(role_).transfer->to) : std::nullopt;
  for (Proposal& proposal : propose.proposals) {
    if (!leads || successor) {
      out_.proposed.push_back({proposal.id, std::nullopt, successor});
      continue;
    }
    if (IsOverLimit(proposal)) {
      Trace(TraceKind::kProposalRefused, proposal.id.value());
      out_.proposed.push_back({proposal.id, std::nullopt, std::nullopt, true});
      continue;
    }
    LogId id{hard_state_.term, options_.id, log_.end()};
    const Entry& entry = AppendToLog(Entry::Normal(id, std::move(proposal.payload)));
    std::get<Leader>(role_).uncommitted.Add(id.index, entry.ByteSize());
    out_.proposed.push_back({proposal.id, id, std::nullopt});
  }
}

// Requires: this node leads.
bool RaftCore::IsOverLimit(const Proposal& proposal) const {
  if (proposal.exempt) return false;
  const auto& leader = std::get<Leader>(role_);
  return !leader.uncommitted.HasRoom(proposal.payload.size(), options_.uncommitted_bytes_max) ||
         commit_end_.value() - emitted_end_.value() > options_.unapplied_entries_max;
}

void RaftCore::Handle(const Persisted& persisted) {
  durability_.Complete(persisted.seq);
  CountOwnVote();
  if (!std::holds_alternative<Leader>(role_)) return;
  AdvanceCommit();
  AdvanceChanges();
}

void RaftCore::Handle(const Compact& compact) {
  // A leader change or an installed snapshot may have overtaken the request.
  const LogIndex begin = std::min(compact.begin, emitted_end_);
  if (begin <= log_.begin()) return;
  const LogId last = *log_.IdAt(begin.Prev());
  log_.PurgeTo(last);
  write_.purge_to = last;
  write_due_ = true;
  Trace(TraceKind::kLogPurged, begin.value());
}

bool RaftCore::MayCampaign() const {
  return !installing_ && !quarantined_ && disk_ != DiskLevel::kStalled && space_ != SpaceLevel::kCritical &&
         MayBeElected();
}

// A voter; or one of the configuration before, while the one that leaves this node out is not known to be committed: it
// may be the only node whose log is long enough, and then only it can bring that configuration to an end (thesis
// §4.2.2). Its own vote does not count for the configuration that it is no part of.
bool RaftCore::MayBeElected() const {
  const auto votes_in = [this](const Membership& membership) {
    return membership.IsVoter(options_.id) && Counts(membership.identity.Recorded(options_.id), incarnation_);
  };
  if (membership_.current().IsVoter(options_.id)) return votes_in(membership_.current());
  return membership_.AnyInEffectFrom(commit_end_, votes_in);
}

bool RaftCore::IsOnlyVoter() const { return membership_.current().Voters() == NodeSet{options_.id}; }

void RaftCore::ResetElectionTimer() {
  const auto low = static_cast<std::uint64_t>(options_.election_timeout_min.micros());
  const auto high = static_cast<std::uint64_t>(options_.election_timeout_max.micros());
  election_at_ = now_ + Duration::Micros(static_cast<std::int64_t>(prng_.Between(low, high - 1)));
  // A node with a slow disk lets every healthy one try first.
  if (disk_ != DiskLevel::kOk)
    election_at_ = election_at_ + (options_.election_timeout_max - options_.election_timeout_min);
}

// Answers what only the present role could answer.
void RaftCore::LeaveRole() {
  FailForwardedReads();
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  for (const ReadQueue::Item& item : leader->reads.Drain()) AnswerRead(item, std::nullopt);
  DropChanges();
  led_until_ = now_;
  if (leader->transfer) EndTransfer(TransferResult::kDeposed);
  for (const NewDisk& disk : leader->new_disks) {
    out_.membership_done.push_back({.id = disk.id, .result = MembershipResult::kLostLeadership, .unreachable = {}});
  }
  for (const auto& [id, progress] : leader->tracker.peers()) {
    if (progress.mode() == Progress::Mode::kSnapshot) out_.cancel_snapshots.push_back(id);
  }
}

void RaftCore::BecomeFollower(Term term, std::optional<NodeId> leader) {
  CHECK_GE(term, hard_state_.term);
  const bool was_follower = std::holds_alternative<Follower>(role_);
  LeaveRole();
  if (term > hard_state_.term) {
    SetHardState({.term = term, .voted_for = std::nullopt, .leader_established = false});
    Trace(TraceKind::kTermChanged, term.value());
  }
  role_ = Follower{leader};
  if (!was_follower) {
    Trace(TraceKind::kRoleChanged, term.value(), static_cast<std::uint64_t>(RoleName::kFollower));
    ResetElectionTimer();
  }
}

void RaftCore::SetHardState(HardState state) {
  CHECK_GE(state.term, hard_state_.term);
  hard_state_ = state;
  write_.hard_state = state;
  write_due_ = true;
}

Entry& RaftCore::AppendToLog(Entry entry) {
  CHECK_EQ(entry.id.index, log_.end());
  CHECK(!IsTransferring());
  log_.Append(entry);
  write_.append.push_back(std::move(entry));
  write_due_ = true;
  Entry& appended = write_.append.back();
  if (appended.kind == EntryKind::kMembership) {
    membership_.Append(appended);
    OnMembershipAppended();
  }
  return appended;
}

void RaftCore::SendNow(NodeId to, Message message) { out_.messages.push_back({to, PersistSeq(0), std::move(message)}); }

void RaftCore::SendDurable(NodeId to, Message message) { out_.messages.push_back({to, kThisStep, std::move(message)}); }

void RaftCore::Trace(TraceKind kind, std::uint64_t a, std::uint64_t b) {
  out_.trace.push_back({.kind = kind, .a = a, .b = b, .text = {}});
}

bool RaftCore::HardStateIsDurable() const { return !write_.hard_state && durability_.IsDurable(hard_state_write_); }

Output RaftCore::Finish() {
  if (std::holds_alternative<Leader>(role_)) {
    ReplicateAll();
    StepDownWhenRemoved();
  }
  StampRecordedDisks();
  if (write_due_) {
    const std::optional<LogIndex> cut = write_.reset_to ? write_.reset_to->index.Next() : write_.truncate_from;
    write_.seq = durability_.Issue(cut, log_.end());
    if (write_.reset_to) durability_.CoverTo(write_.reset_to->index.Next());
    if (write_.hard_state) hard_state_write_ = write_.seq;
    out_.persist = std::move(write_);
    write_ = Persist{};
    write_due_ = false;
  }
  const PersistSeq barrier = durability_.Barrier();
  for (Outgoing& outgoing : out_.messages) {
    if (outgoing.after == kThisStep) outgoing.after = barrier;
  }
  EmitCommitted();
  log_.Evict(durability_.durable_end(), options_.log_cache);
  CheckState(*this);
  return std::exchange(out_, Output{});
}

// Hands out what is committed and also durable here, so that the state never runs ahead of its own log.
void RaftCore::EmitCommitted() {
  if (installing_ || quarantined_) return;
  const LogIndex end = std::min(commit_end_, durability_.durable_end());
  if (emitted_end_ < end && emitted_end_ < log_.cached_begin()) return LoadToApply(end);
  for (LogIndex i = emitted_end_; i < end; i = i.Next()) out_.committed.push_back(log_.At(i));
  emitted_end_ = std::max(emitted_end_, end);
}

Instant RaftCore::next_deadline() const {
  Instant deadline = election_at_;
  if (const auto* leader = std::get_if<Leader>(&role_)) {
    deadline = std::min(leader->heartbeat_at, leader->quorum_check_at);
    if (leader->transfer) deadline = std::min(deadline, leader->transfer->deadline);
  }
  if (!forwarded_reads_.empty()) deadline = std::min(deadline, forwarded_reads_.front().second);
  return deadline;
}

}  // namespace metasrv
