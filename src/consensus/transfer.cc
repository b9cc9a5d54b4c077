// Leadership transfer (thesis §3.10), and what a bad disk means for leadership.
#include <tuple>

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/core.h"

namespace metasrv {

const char* ToString(TransferResult result) {
  switch (result) {
    case TransferResult::kDone: return "done";
    case TransferResult::kDeposed: return "deposed";
    case TransferResult::kTimedOut: return "timed out";
    case TransferResult::kNotLeader: return "not leader";
    case TransferResult::kNotVoter: return "not a voter";
    case TransferResult::kSelf: return "leads already";
    case TransferResult::kNoTarget: return "no target";
    case TransferResult::kInProgress: return "in progress";
  }
  return "?";
}

bool RaftCore::IsTransferring() const {
  const auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr && leader->transfer.has_value();
}

bool RaftCore::LeaseIsForfeit() const {
  const auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr && leader->sent_timeout_now;
}

// --- leader side

void RaftCore::Handle(const TransferLeadership& transfer) {
  std::optional<TransferResult> refused = RefuseTransfer(transfer.to);
  const std::optional<NodeId> to = transfer.to || refused ? transfer.to : BestSuccessor(transfer.only_healthier);
  if (!refused && !to) refused = TransferResult::kNoTarget;
  if (refused) {
    out_.transfer_done.push_back({transfer.id, *refused, to});
    return;
  }
  std::get<Leader>(role_).transfer =
      RunningTransfer{.id = transfer.id,
                      .to = *to,
                      .deadline = MutantOn(Mutant::kT01) ? Instant::Never() : now_ + options_.election_timeout_min};
  Trace(TraceKind::kTransferStarted, hard_state_.term.value(), to->value());
  AdvanceTransfer();
}

std::optional<TransferResult> RaftCore::RefuseTransfer(std::optional<NodeId> to) const {
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return TransferResult::kNotLeader;
  if (to == options_.id) return TransferResult::kSelf;
  if (leader->transfer) return TransferResult::kInProgress;
  if (to && !MayTakeOver(*to)) return TransferResult::kNotVoter;
  return std::nullopt;
}

// During a joint change only who will be a voter after it: a voter that is being removed could not finish the change.
bool RaftCore::MayTakeOver(NodeId id) const {
  const Membership& now = membership_.current();
  return !now.configs.empty() && Contains(now.configs.back(), id);
}

// The healthiest, then the most caught-up, then the most recently heard of those that answer.
std::optional<NodeId> RaftCore::BestSuccessor(bool only_healthier) const {
  const auto& leader = std::get<Leader>(role_);
  const auto rank = [](const Progress& p) {
    return std::tuple(p.disk() == DiskLevel::kOk, p.match_end(), p.last_heard());
  };
  std::optional<NodeId> best;
  for (const auto& [id, progress] : leader.tracker.peers()) {
    const bool answers = progress.last_heard() + options_.election_timeout_min > now_;
    const bool fit = progress.mode() != Progress::Mode::kSnapshot && progress.disk() != DiskLevel::kStalled;
    const bool healthier = progress.disk() < disk_;
    if (!MayTakeOver(id) || !answers || !fit || (only_healthier && !healthier)) continue;
    if (!best || rank(progress) > rank(*leader.tracker.Find(*best))) best = id;
  }
  CHECK(best != options_.id);
  return best;
}

// Tells the target to campaign once nothing is missing there.
void RaftCore::AdvanceTransfer() {
  if (!IsTransferring()) return;
  auto& leader = std::get<Leader>(role_);
  if (leader.transfer->told) return;
  const Progress* progress = leader.tracker.Find(leader.transfer->to);
  CHECK(progress != nullptr);
  CHECK_LE(progress->match_end(), log_.end());
  if (progress->match_end() < log_.end()) return;
  // From now on the target's election may begin at any time: no promise to this leader holds any more.
  leader.sent_timeout_now = true;
  if (!MutantOn(Mutant::kQ05)) DropLease(LeaseEnd::kTransfer);
  leader.transfer->told = true;
  SendNow(leader.transfer->to, TimeoutNow{.term = hard_state_.term});
}

// `from` has entered a later term: for the target of a transfer that means that it campaigns.
void RaftCore::NoteSuccessor(NodeId from) {
  if (IsTransferring() && std::get<Leader>(role_).transfer->to == from) EndTransfer(TransferResult::kDone);
}

void RaftCore::EndTransfer(TransferResult result) {
  auto& leader = std::get<Leader>(role_);
  CHECK(leader.transfer.has_value());
  const RunningTransfer ended = *leader.transfer;
  leader.transfer.reset();
  out_.transfer_done.push_back({ended.id, result, ended.to});
  Trace(TraceKind::kTransferEnded, static_cast<std::uint64_t>(result), ended.to.value());
  // What was held back meanwhile goes on.
  if (result == TransferResult::kTimedOut) AdvanceChanges();
}

// --- target side

void RaftCore::OnMessage(NodeId from, const TimeoutNow& message) {
  CHECK_EQ(message.term, hard_state_.term);
  const auto* follower = std::get_if<Follower>(&role_);
  if (follower == nullptr || follower->leader != from || !MayCampaign()) return;
  Trace(TraceKind::kTimeoutNow, hard_state_.term.value() + 1, from.value());
  StartElection(true);
}

// --- disk

void RaftCore::Handle(const DiskHealth& health) {
  if (health.level == disk_) return;
  disk_ = health.level;
  const bool led = std::holds_alternative<Leader>(role_);
  Trace(TraceKind::kDiskHealth, static_cast<std::uint64_t>(disk_), led ? 1 : 0);
  if (disk_ != DiskLevel::kStalled) return;
  // What it accepts could never be answered; and a candidate's own vote would never count.
  if (!std::holds_alternative<Follower>(role_)) BecomeFollower(hard_state_.term, std::nullopt);
}

}  // namespace metasrv
