// The operator's last resort: a survivor goes on alone when the quorum is lost for good (docs/OPERATIONS.md). Outside
// of what Raft can promise: committed entries that are missing here are lost, and a member of the old configuration
// that comes back with its disk may contradict this one.
#include <algorithm>
#include <utility>

#include "common/check.h"
#include "consensus/core.h"

namespace metasrv {

// How long nobody may have led before a quorum counts as lost: several elections would have failed meanwhile. Holds
// after a restart, too, when nobody can tell what was before.
bool RaftCore::QuorumSeemsLost() const {
  const Instant last_led = std::max(sticky_until_, led_until_);
  return !std::holds_alternative<Leader>(role_) && now_ >= last_led + options_.election_timeout_max * 4;
}

void RaftCore::Handle(const ForceSingleVoter& force) {
  if (!MayCampaign() || !QuorumSeemsLost()) {
    const auto reason = MayCampaign() ? MembershipResult::kLeaderAlive : MembershipResult::kRefused;
    out_.membership_done.push_back({.id = force.id, .result = reason, .unreachable = {}});
    return;
  }
  LeaveRole();
  SetHardState({.term = Term(hard_state_.term.value() + 1), .voted_for = options_.id, .leader_established = false});
  Trace(TraceKind::kTermChanged, hard_state_.term.value());
  role_ = Candidate{.votes = {}, .own_vote = durability_.next()};
  BecomeLeader();
  ProposeMembership(UniformMembership({options_.id}));
  // Nobody else hears of it: they must be wiped before they may come back.
  std::get<Leader>(role_).tracker = Tracker(options_.id);
  CHECK_EQ(membership_.current().Voters().size(), 1U);
  CHECK(std::get<Leader>(role_).changes.empty());
  Trace(TraceKind::kForcedSingleVoter, hard_state_.term.value(), log_.end().value());
  out_.membership_done.push_back({.id = force.id, .result = MembershipResult::kDone, .unreachable = {}});
}

}  // namespace metasrv
