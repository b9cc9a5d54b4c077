// Membership: joint consensus as the only way to change voters, learner first (thesis §4.2.1, §4.3; operations.md
// §2.2).
#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/core.h"
#include "consensus/quorum.h"

namespace metasrv {

using ChangeStage = Change::Stage;

void RaftCore::Handle(const ChangeMembership& change) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) {
    AnswerChange(change, MembershipResult::kNotLeader);
  } else if (const auto answer = AnswerDisk(change)) {
    const bool one_step =
        *answer == MembershipResult::kOtherDisk && IsIndispensable() && !membership_.current().IsJoint();
    one_step ? RecordNewDisk(change) : AnswerChange(change, *answer);
  } else if (!leader->changes.Add(change, now_ + options_.change_wait_max, options_.changes_max)) {
    AnswerChange(change, MembershipResult::kInProgress);
  } else {
    if (leader->changes.size() > 1) Trace(TraceKind::kChangeQueued, change.node.value(), leader->changes.size() - 1);
    AdvanceChanges();
  }
}

// A new configuration may be appended only when the one before is committed and uniform, and an own entry is committed:
// otherwise it could meet one of the old leader that is not settled (thesis §4.1 erratum).
bool RaftCore::MembershipIsSettled() const {
  const auto& leader = std::get<Leader>(role_);
  const std::optional<LogId> current = membership_.current_id();
  return commit_end_ > leader.term_start && (!current || current->index < commit_end_) &&
         !membership_.current().IsJoint();
}

// Takes the next step of whatever changes are under way; also of one that an earlier leader left in a joint state.
void RaftCore::AdvanceChanges() {
  auto& leader = std::get<Leader>(role_);
  AnswerNewDisks();
  LeaveJointWhenCommitted();
  if (!MembershipIsSettled()) return;
  CHECK(leader.changes.InJoint() == nullptr);
  EndSettledChanges();
  // A hand-over waits for the target to have the whole log; a leader that is no member only ends what it did.
  if (IsTransferring() || !membership_.current().IsVoter(options_.id)) return;
  for (std::size_t at = 0; at < leader.changes.size() && MembershipIsSettled();) {
    Change& change = leader.changes.At(at);
    const auto ended = leader.changes.MustWait(at) ? std::nullopt : AdvanceChange(change);
    if (ended) {
      EndChange(at, *ended);
    } else {
      ++at;
    }
  }
}

// The last entry of these is committed.
void RaftCore::EndSettledChanges() {
  auto& changes = std::get<Leader>(role_).changes;
  for (std::size_t at = 0; at < changes.size();) {
    const Change& change = changes.At(at);
    if (change.stage != ChangeStage::kFinal && change.stage != ChangeStage::kTakeBack) {
      ++at;
      continue;
    }
    CHECK_LE(change.entry_end, commit_end_);
    EndChange(at, change.stage == ChangeStage::kFinal ? MembershipResult::kDone : MembershipResult::kNotCaughtUp);
  }
}

// The joint configuration is left by whoever leads once it is committed, so a change of leaders never strands it.
void RaftCore::LeaveJointWhenCommitted() {
  auto& leader = std::get<Leader>(role_);
  const Membership& joint = membership_.current();
  if (!joint.IsJoint() || commit_end_ <= leader.term_start || IsTransferring()) return;
  if (membership_.current_id()->index >= commit_end_ && !MutantOn(Mutant::kM02)) return;
  Change* change = leader.changes.InJoint();
  Trace(TraceKind::kJointLeft, membership_.current_id()->index.value(), change == nullptr ? 1 : 0);
  const LogIndex end = ProposeMembership(UniformMembership(joint.configs.back(), joint.Learners()));
  if (change == nullptr) return;
  change->stage = ChangeStage::kFinal;
  change->entry_end = end;
}

// Requires: MembershipIsSettled(). Either ends the change, or appends one entry for it, or has to wait.
std::optional<MembershipResult> RaftCore::AdvanceChange(Change& change) {
  CHECK(MembershipIsSettled());
  CHECK_LE(change.entry_end, commit_end_);
  if (change.stage == ChangeStage::kQueued) return StartChange(change);
  CHECK(change.stage == ChangeStage::kCatchUp);
  return PromoteWhenCaughtUp(change);
}

std::optional<MembershipResult> RaftCore::StartChange(Change& change) {
  const NodeId node = change.request.node;
  Membership next = membership_.current();
  switch (change.request.goal) {
    case MembershipGoal::kVoter:
      if (next.IsVoter(node)) return MembershipResult::kDone;
      return StartCatchUp(change);
    case MembershipGoal::kLearner:
      if (next.Contains(node)) return MembershipResult::kDone;
      next.nodes = With(next.nodes, node);
      break;
    case MembershipGoal::kAbsent:
      if (!next.Contains(node)) return MembershipResult::kDone;
      if (next.IsVoter(node)) return StartRemoval(change);
      next.nodes = Without(next.nodes, node);
      break;
    case MembershipGoal::kRewrite: break;
  }
  change.stage = ChangeStage::kFinal;
  change.entry_end = ProposeMembership(std::move(next));
  return std::nullopt;
}

// A node that an earlier, unfinished change made a learner goes on from there.
std::optional<MembershipResult> RaftCore::StartCatchUp(Change& change) {
  Membership next = membership_.current();
  change.stage = ChangeStage::kCatchUp;
  change.added_learner = !next.Contains(change.request.node);
  if (change.added_learner) {
    next.nodes = With(next.nodes, change.request.node);
    change.entry_end = ProposeMembership(std::move(next));
  }
  change.catch_up = CatchUp(log_.end(), now_);
  return std::nullopt;
}

std::optional<MembershipResult> RaftCore::StartRemoval(Change& change) {
  const Membership& now = membership_.current();
  if (now.Voters().size() == 1) return MembershipResult::kRefused;
  NodeSet rest = Without(now.configs.front(), change.request.node);
  const auto reachable = [this](NodeId id) { return IsReachable(id); };
  if (!HasQuorum(UniformMembership(rest), reachable)) return MembershipResult::kNoQuorum;
  ProposeJoint(change, std::move(rest));
  return std::nullopt;
}

void RaftCore::ProposeJoint(Change& change, NodeSet voters) {
  Membership joint = membership_.current();
  CHECK_EQ(joint.configs.size(), 1U);
  joint.configs.push_back(std::move(voters));
  change.stage = ChangeStage::kJoint;
  change.entry_end = ProposeMembership(std::move(joint));
}

std::optional<MembershipResult> RaftCore::PromoteWhenCaughtUp(Change& change) {
  const NodeId node = change.request.node;
  const Progress* progress = std::get<Leader>(role_).tracker.Find(node);
  CHECK(progress != nullptr);
  const Incarnation asked = change.request.disk;
  const bool other_disk = asked != Incarnation() && progress->incarnation() != asked;
  const CatchUp::Sight sight{.match_end = other_disk ? LogIndex(0) : progress->match_end(),
                             .log_end = log_.end(),
                             .takes_snapshot = progress->mode() == Progress::Mode::kSnapshot,
                             .heard_recently = now_ - progress->last_heard() <= options_.heartbeat_interval * 2};
  const CatchUp::Limits limits{.round_max = options_.election_timeout_min,
                               .long_rounds_max = options_.promote_rounds_max,
                               .stall_max = options_.promote_timeout};
  switch (change.catch_up.Observe(sight, now_, limits)) {
    case CatchUp::Verdict::kWaiting: return std::nullopt;
    case CatchUp::Verdict::kCaughtUp:
      Trace(TraceKind::kPromoted, node.value(), sight.log_end.value() - sight.match_end.value());
      ProposeJoint(change, With(membership_.current().configs.front(), node));
      return std::nullopt;
    case CatchUp::Verdict::kTooSlow: break;
  }
  if (!change.added_learner) return MembershipResult::kNotCaughtUp;
  Membership next = membership_.current();
  next.nodes = Without(next.nodes, node);
  change.stage = ChangeStage::kTakeBack;
  change.entry_end = ProposeMembership(std::move(next));
  return std::nullopt;
}

LogIndex RaftCore::ProposeMembership(Membership membership) {
  return AppendMembership(WithIdentity(std::move(membership)));
}

LogIndex RaftCore::AppendMembership(Membership membership) {
  CHECK(std::holds_alternative<Leader>(role_));
  // One change at a time, and never out of one joint configuration into another (thesis §4.3).
  CHECK_LE(membership.configs.size(), 2U);
  CHECK(!membership.IsJoint() || !membership_.current().IsJoint());
  AppendToLog(Entry::OfMembership({hard_state_.term, options_.id, log_.end()}, std::move(membership)));
  return log_.end();
}

// A configuration is in effect as soon as it is in the log, on the leader and on followers alike.
void RaftCore::OnMembershipAppended() {
  Trace(TraceKind::kMembershipAppended, membership_.current_id()->index.value());
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  // What a quorum of the old configuration answered binds no quorum of this one.
  DropLease(LeaseEnd::kMembership);
  const Instant until = now_ + options_.farewell_timeout;
  for (NodeId gone : leader->tracker.Follow(membership_.current(), log_.end(), now_, until)) {
    out_.cancel_snapshots.push_back(gone);
  }
  ForgetReplacedDisks();
}

bool RaftCore::IsReachable(NodeId id) const {
  return std::get<Leader>(role_).tracker.Heard(id, now_ - options_.election_timeout_max);
}

void RaftCore::AnswerChange(const ChangeMembership& change, MembershipResult result) {
  MembershipDone done{.id = change.id, .result = result, .unreachable = {}};
  if (result == MembershipResult::kNoQuorum) {
    for (NodeId voter : Without(membership_.current().Voters(), change.node)) {
      if (!IsReachable(voter)) done.unreachable.push_back(voter);
    }
    CHECK(!done.unreachable.empty());
  }
  Trace(TraceKind::kChangeEnded, change.node.value(), static_cast<std::uint64_t>(result));
  out_.membership_done.push_back(std::move(done));
}

void RaftCore::EndChange(std::size_t at, MembershipResult result) {
  const Change change = std::get<Leader>(role_).changes.Take(at);
  AnswerChange(change.request, result);
  if (result == MembershipResult::kDone) Trace(TraceKind::kMembershipDone, membership_.current_id()->index.value());
}

void RaftCore::ExpireChanges() {
  auto& changes = std::get<Leader>(role_).changes;
  while (auto at = changes.Expired(now_)) EndChange(*at, MembershipResult::kInProgress);
}

// What was appended may be finished or dropped by the next leader; what waited was never started.
void RaftCore::DropChanges() {
  auto& changes = std::get<Leader>(role_).changes;
  while (!changes.empty()) {
    const bool started = changes.At(0).stage != ChangeStage::kQueued;
    EndChange(0, started ? MembershipResult::kLostLeadership : MembershipResult::kNotLeader);
  }
}

// A leader that is not a member leads only until the configuration without it is committed; the others have been told,
// as far as messages of this step tell them, and are able to elect one of them anyhow (thesis §4.2.2).
void RaftCore::StepDownWhenRemoved() {
  if (!MembershipIsSettled() || membership_.current().IsVoter(options_.id)) return;
  Trace(TraceKind::kLeaderRemoved, hard_state_.term.value());
  BecomeFollower(hard_state_.term, std::nullopt);
}

}  // namespace metasrv
