// Elections: thesis §3.4 (votes), §3.6.1 (up-to-date rule), §4.2.3 (stickiness), §9.6 (pre-vote).
#include "common/check.h"
#include "common/mutant.h"
#include "consensus/core.h"

namespace metasrv {

void RaftCore::StartPreVote() {
  CHECK(MayCampaign());
  LeaveRole();
  role_ = PreCandidate{};
  ResetElectionTimer();
  auto& votes = std::get<PreCandidate>(role_).votes;
  votes.Record(options_.id, true);
  if (votes.Won(membership_.current())) {
    StartElection(false);
    return;
  }
  const VoteRequest request{
      .term = Term(hard_state_.term.value() + 1), .pre_vote = true, .last = log_.last(), .transfer = false};
  for (NodeId voter : membership_.current().Voters()) {
    if (voter != options_.id) SendNow(voter, request);
  }
}

void RaftCore::StartElection(bool transfer) {
  CHECK(MayCampaign());
  SetHardState({.term = Term(hard_state_.term.value() + 1), .voted_for = options_.id, .leader_established = false});
  Trace(TraceKind::kTermChanged, hard_state_.term.value());
  Trace(TraceKind::kRoleChanged, hard_state_.term.value(), static_cast<std::uint64_t>(RoleName::kCandidate));
  role_ = Candidate{.votes = {}, .own_vote = durability_.next()};
  ResetElectionTimer();
  const VoteRequest request{.term = hard_state_.term, .pre_vote = false, .last = log_.last(), .transfer = transfer};
  for (NodeId voter : membership_.current().Voters()) {
    if (voter != options_.id) SendDurable(voter, request);
  }
}

// A candidate's own vote is a vote like any other: it counts only once it cannot be forgotten.
void RaftCore::CountOwnVote() {
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr || !durability_.IsDurable(candidate->own_vote)) return;
  candidate->votes.Record(options_.id, true);
  if (candidate->votes.Won(membership_.current())) BecomeLeader();
}

bool RaftCore::LeaderIsFresh() const { return std::holds_alternative<Leader>(role_) || now_ < sticky_until_; }

// Whether a leader may count on an answer that this node gave in an earlier life, or gave before its clock went wrong.
// Before it answers anybody, a node has made a term durable; and who is the only voter answers to nobody.
bool RaftCore::MayOweLoyalty() const { return hard_state_.term > Term(0) && !IsOnlyVoter(); }

bool RaftCore::IsUpToDate(const std::optional<LogId>& last) const {
  if (MutantOn(Mutant::kE07)) return true;
  const std::optional<LogId> own = log_.last();
  if (!own) return true;
  if (!last) return false;
  if (MutantOn(Mutant::kE08)) return last->term >= own->term && last->index >= own->index;
  return *last >= *own;
}

void RaftCore::OnMessage(NodeId from, const VoteRequest& request) {
  if (request.pre_vote) {
    const bool granted =
        request.term > hard_state_.term && !LeaderIsFresh() && IsUpToDate(request.last) && MayVote(request);
    if (!granted && now_ < started_until_) Trace(TraceKind::kVoteRefusedAfterStart, request.term.value(), from.value());
    SendDurable(from,
                VoteResponse{.term = granted ? request.term : hard_state_.term, .pre_vote = true, .granted = granted});
    return;
  }
  CHECK_LE(request.term, hard_state_.term);
  // Also in a term that this node was told of while it still owes loyalty to the leader of an earlier one.
  const bool loyal = LeaderIsFresh() && !request.transfer;
  const bool free = hard_state_.voted_for ? *hard_state_.voted_for == from : !loyal;
  const bool up_to_date = IsUpToDate(request.last) || (request.transfer && MutantOn(Mutant::kE12));
  const bool granted = request.term == hard_state_.term && free && up_to_date && MayVote(request);
  const VoteResponse response{.term = hard_state_.term, .pre_vote = false, .granted = granted};
  if (!granted) {
    SendDurable(from, response);
    return;
  }
  if (!hard_state_.voted_for) {
    SetHardState({.term = hard_state_.term, .voted_for = from, .leader_established = false});
    Trace(TraceKind::kVoteGranted, hard_state_.term.value(), from.value());
  }
  ResetElectionTimer();
  if (MutantOn(Mutant::kE01)) {
    SendNow(from, response);
  } else {
    SendDurable(from, response);
  }
}

void RaftCore::OnMessage(NodeId from, const VoteResponse& response) {
  if (response.pre_vote) {
    auto* pre = std::get_if<PreCandidate>(&role_);
    if (pre == nullptr) return;
    if (response.granted && response.term.value() != hard_state_.term.value() + 1) return;  // asked in an earlier term
    pre->votes.Record(from, response.granted);
    if (pre->votes.Won(membership_.current())) StartElection(false);
    return;
  }
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr || response.term != hard_state_.term) return;
  candidate->votes.Record(from, response.granted);
  if (candidate->votes.Won(membership_.current())) {
    BecomeLeader();
  } else if (candidate->votes.Lost(membership_.current())) {
    BecomeFollower(hard_state_.term, std::nullopt);
  }
}

void RaftCore::BecomeLeader() {
  CHECK(std::holds_alternative<Candidate>(role_));
  CHECK(hard_state_.voted_for == options_.id);
  Leader leader(options_.id, Lease(options_.lease ? options_.LeaseSpan() : Duration()));
  leader.term_start = log_.end();
  leader.since = now_;
  leader.heartbeat_at = now_ + options_.heartbeat_interval;
  leader.quorum_check_at = now_ + options_.election_timeout_min;
  (void)leader.tracker.Follow(membership_.current(), log_.end(), now_, now_);
  role_ = std::move(leader);
  SetHardState({.term = hard_state_.term, .voted_for = options_.id, .leader_established = true});
  Trace(TraceKind::kRoleChanged, hard_state_.term.value(), static_cast<std::uint64_t>(RoleName::kLeader));
  Trace(TraceKind::kLeaderKnown, hard_state_.term.value(), options_.id.value());
  // Entries of earlier terms commit only under an entry of this one (thesis §3.6.2).
  AppendToLog(Entry::Blank({hard_state_.term, options_.id, log_.end()}));
}

}  // namespace metasrv
