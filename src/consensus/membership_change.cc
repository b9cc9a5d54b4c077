// Membership: joint consensus as the only way to change voters, learner first (thesis §4.2.1, §4.3; operations.md
// §2.2).
#include <algorithm>
#include <utility>

#include "common/check.h"
#include "consensus/core.h"

namespace metasrv {

void RaftCore::Handle(const ChangeMembership& change) {
  if (auto refused = RefuseChange(change)) {
    out_.membership_done.push_back({change.id, *refused});
    return;
  }
  StartChange(change);
}

std::optional<MembershipResult> RaftCore::RefuseChange(const ChangeMembership& change) const {
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return MembershipResult::kNotLeader;
  const Membership& now = membership_.current();
  const bool is_uncommitted = membership_.current_id() && membership_.current_id()->index >= commit_end_;
  // Before an own entry is committed, a change could meet one of the old leader that is not settled (thesis §4.1
  // erratum).
  if (commit_end_ <= leader->term_start || is_uncommitted || now.IsJoint() || leader->change || leader->transfer) {
    return MembershipResult::kInProgress;
  }
  if (change.goal == MembershipGoal::kVoter && now.IsVoter(change.node)) return MembershipResult::kDone;
  if (change.goal == MembershipGoal::kLearner && now.Contains(change.node)) return MembershipResult::kDone;
  if (change.goal == MembershipGoal::kAbsent && now.IsVoter(change.node)) {
    const bool is_last_voter = now.Voters().size() == 1;
    if (is_last_voter || change.node == options_.id) return MembershipResult::kRefused;
  }
  return std::nullopt;
}

void RaftCore::StartChange(const ChangeMembership& change) {
  using Stage = RunningChange::Stage;
  auto& leader = std::get<Leader>(role_);
  Membership next = membership_.current();
  RunningChange running{.id = change.id,
                        .node = change.node,
                        .stage = Stage::kFinal,
                        .entry_end = LogIndex(0),
                        .progress_end = LogIndex(0),
                        .progress_deadline = now_ + options_.promote_timeout};
  switch (change.goal) {
    case MembershipGoal::kVoter:
      running.stage = Stage::kCatchUp;
      next.nodes = With(next.nodes, change.node);
      break;
    case MembershipGoal::kLearner: next.nodes = With(next.nodes, change.node); break;
    case MembershipGoal::kAbsent:
      if (next.IsVoter(change.node)) {
        running.stage = Stage::kJoint;
        next.configs.push_back(Without(next.configs.front(), change.node));
      } else {
        next.nodes = Without(next.nodes, change.node);
      }
      break;
    case MembershipGoal::kRewrite: break;
  }
  const bool is_known_learner = change.goal == MembershipGoal::kVoter && membership_.current().Contains(change.node);
  running.added_learner = change.goal == MembershipGoal::kVoter && !is_known_learner;
  running.entry_end = is_known_learner ? commit_end_ : ProposeMembership(std::move(next));
  leader.change = running;
  AdvanceChange();
}

LogIndex RaftCore::ProposeMembership(Membership membership) {
  CHECK(std::holds_alternative<Leader>(role_));
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
  for (NodeId gone : leader->tracker.Follow(membership_.current(), log_.end(), now_)) {
    out_.cancel_snapshots.push_back(gone);
  }
}

// Takes the next step of whatever change is under way; also of one that an earlier leader left behind in a joint state.
void RaftCore::AdvanceChange() {
  using Stage = RunningChange::Stage;
  auto& leader = std::get<Leader>(role_);
  if (commit_end_ <= leader.term_start) return;
  // A hand-over waits for the target to have the whole log, so nothing is appended meanwhile.
  const bool may_append = !IsTransferring();
  if (may_append && leader.change && leader.change->stage == Stage::kCatchUp) PromoteWhenCaughtUp(*leader.change);
  const std::optional<LogId> current = membership_.current_id();
  if (!current || current->index >= commit_end_) return;
  if (membership_.current().IsJoint()) {
    if (may_append) LeaveJoint();
  } else if (leader.change && leader.change->stage == Stage::kFinal && leader.change->entry_end <= commit_end_) {
    EndChange(MembershipResult::kDone);
  }
}

void RaftCore::PromoteWhenCaughtUp(RunningChange& change) {
  const Progress* progress = std::get<Leader>(role_).tracker.Find(change.node);
  CHECK(progress != nullptr);
  if (progress->match_end() > change.progress_end) {
    change.progress_end = progress->match_end();
    change.progress_deadline = now_ + options_.promote_timeout;
  }
  const bool is_committed = change.entry_end <= commit_end_;
  const bool has_caught_up = progress->match_end() >= change.entry_end &&
                             log_.end().value() - progress->match_end().value() <= options_.promote_lag_max;
  Membership next = membership_.current();
  if (is_committed && has_caught_up) {
    next.configs.push_back(With(next.configs.front(), change.node));
    change.stage = RunningChange::Stage::kJoint;
    change.entry_end = ProposeMembership(std::move(next));
  } else if (is_committed && now_ >= change.progress_deadline) {
    if (change.added_learner) {
      next.nodes = Without(next.nodes, change.node);
      ProposeMembership(std::move(next));
    }
    EndChange(MembershipResult::kNotCaughtUp);
  }
}

void RaftCore::LeaveJoint() {
  const Membership& joint = membership_.current();
  const Membership next = UniformMembership(joint.configs.back(), joint.Learners());
  const LogIndex end = ProposeMembership(next);
  auto& change = std::get<Leader>(role_).change;
  if (change && change->stage == RunningChange::Stage::kJoint) {
    change->stage = RunningChange::Stage::kFinal;
    change->entry_end = end;
  }
}

void RaftCore::EndChange(MembershipResult result) {
  auto& change = std::get<Leader>(role_).change;
  CHECK(change.has_value());
  out_.membership_done.push_back({change->id, result});
  change.reset();
  if (result == MembershipResult::kDone) Trace(TraceKind::kMembershipDone, membership_.current_id()->index.value());
}

}  // namespace metasrv
