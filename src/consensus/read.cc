// Linearizable reads from any node: ReadIndex, batched into confirmation rounds (thesis §6.4), or under a lease
// (§6.4.1).
#include <utility>

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/core.h"

namespace metasrv {

void RaftCore::Handle(const Read& read) {
  if (std::holds_alternative<Leader>(role_)) {
    AddRead({.id = read.id, .from = std::nullopt, .end = commit_end_});
    return;
  }
  const auto* follower = std::get_if<Follower>(&role_);
  if (follower == nullptr || !follower->leader) {
    out_.reads.push_back({read.id, std::nullopt});
    return;
  }
  forwarded_reads_.emplace_back(read.id, now_ + options_.election_timeout_min);
  SendNow(*follower->leader, ReadIndexRequest{.term = hard_state_.term, .id = read.id});
}

void RaftCore::OnMessage(NodeId from, const ReadIndexRequest& request) {
  const ReadQueue::Item item{.id = request.id, .from = from, .end = commit_end_};
  if (std::holds_alternative<Leader>(role_)) {
    AddRead(item);
  } else {
    AnswerRead(item, std::nullopt);
  }
}

void RaftCore::AddRead(ReadQueue::Item item) {
  CHECK(std::holds_alternative<Leader>(role_));
  CHECK_LE(item.end, commit_end_);
  auto& leader = std::get<Leader>(role_);
  if (MutantOn(Mutant::kQ01)) {
    AnswerRead(item, commit_end_);
  } else if (commit_end_ <= leader.term_start) {
    // Before an own entry is committed this leader may not know what its predecessors committed.
    leader.reads.AddEarly(item);
  } else if (leader.lease.Holds(now_)) {
    Trace(TraceKind::kLeaseRead, commit_end_.value());
    AnswerRead(item, commit_end_);
  } else {
    if (leader.lease.enabled()) Trace(TraceKind::kLeaseMissed, commit_end_.value());
    leader.reads.Add(item);
  }
}

void RaftCore::OnMessage(NodeId, const ReadIndexResponse& response) {
  const auto asked = std::erase_if(forwarded_reads_, [&](const auto& read) { return read.first == response.id; });
  CHECK_LE(asked, 1U);  // ids are unique within an incarnation
  if (asked > 0) out_.reads.push_back({response.id, response.end});
}

void RaftCore::AnswerRead(const ReadQueue::Item& item, std::optional<LogIndex> end) {
  if (item.from) {
    SendNow(*item.from, ReadIndexResponse{.term = hard_state_.term, .id = item.id, .end = end});
  } else {
    out_.reads.push_back({item.id, end});
  }
}

// Starts the next confirmation round; it leaves with this step's messages.
void RaftCore::SendRound() {
  auto& leader = std::get<Leader>(role_);
  leader.reads.Send(++leader.round);
  leader.lease.Sent(leader.round, now_);
  leader.broadcast_due = true;
}

void RaftCore::ConfirmReads() {
  auto& leader = std::get<Leader>(role_);
  const std::uint64_t round = leader.tracker.QuorumRound(membership_.current(), leader.round);
  CHECK_LE(round, leader.round);
  leader.lease.Confirmed(round, now_);
  for (const ReadQueue::Item& item : leader.reads.Confirm(round)) {
    CHECK_LE(item.end, commit_end_);
    AnswerRead(item, item.end);
  }
}

void RaftCore::DropLease(LeaseEnd why) {
  auto& lease = std::get<Leader>(role_).lease;
  const bool held = lease.Holds(now_);
  why == LeaseEnd::kTransfer ? lease.Forfeit() : lease.Drop();
  if (held) Trace(TraceKind::kLeaseDropped, static_cast<std::uint64_t>(why));
  CHECK(!lease.Holds(now_));
}

// A clock that stood still makes a lease last too long, one that ran ahead ends a voter's promise too early. A mere
// pause cannot: `now` was read after it.
void RaftCore::Handle(const ClockJumped& jump) {
  if (std::holds_alternative<Leader>(role_)) {
    if (!MutantOn(Mutant::kQ03)) DropLease(LeaseEnd::kClockJump);
    return;
  }
  if (jump.kind == ClockJumped::Kind::kPause || !MayOweLoyalty()) return;
  sticky_until_ = now_ + options_.election_timeout_min;
  if (std::holds_alternative<Follower>(role_)) {
    ResetElectionTimer();
  } else {
    BecomeFollower(hard_state_.term, std::nullopt);
  }
}

void RaftCore::ExpireForwardedReads() {
  while (!forwarded_reads_.empty() && forwarded_reads_.front().second <= now_) {
    out_.reads.push_back({forwarded_reads_.front().first, std::nullopt});
    forwarded_reads_.erase(forwarded_reads_.begin());
  }
}

void RaftCore::FailForwardedReads() {
  for (const auto& [id, deadline] : forwarded_reads_) out_.reads.push_back({id, std::nullopt});
  forwarded_reads_.clear();
}

}  // namespace metasrv
