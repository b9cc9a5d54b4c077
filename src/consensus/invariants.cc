#include "consensus/invariants.h"

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/core.h"

namespace metasrv {
namespace {

void CheckChanges(const RaftCore& core, const Leader& leader) {
  using Stage = Change::Stage;
  const MembershipHistory& membership = core.membership();
  // One change of the configuration at a time (thesis §4.1).
  if (core.commit_end() > leader.term_start) CHECK_LE(membership.ChangesFrom(core.commit_end()), 1U);
  std::size_t in_log = 0;
  for (const Change& change : leader.changes.changes()) {
    CHECK_LE(change.entry_end, core.log().end());
    const bool is_in_log = change.stage != Stage::kQueued && change.stage != Stage::kCatchUp;
    in_log += is_in_log ? 1 : 0;
    if (change.stage == Stage::kJoint) CHECK(membership.current().IsJoint());
    if (change.stage == Stage::kCatchUp) CHECK(membership.current().IsLearner(change.request.node));
    if (change.stage == Stage::kQueued) CHECK_EQ(change.entry_end, LogIndex(0));
  }
  CHECK_LE(in_log, 1U);
}

}  // namespace

void CheckState(const RaftCore& core) {
  // Only what exists can be committed, and only what is committed can be applied (thesis §3.5).
  CHECK_LE(core.commit_end(), core.log().end());
  CHECK_LE(core.emitted_end(), core.commit_end());
  // The state never runs ahead of the node's own disk.
  CHECK_LE(core.emitted_end(), core.durable_end());
  CHECK_LE(core.durable_end(), core.log().end());
  // Nothing is purged that the state does not contain.
  CHECK_LE(core.log().purged() ? core.log().begin() : LogIndex(0), core.emitted_end());
  // What is durable can be read back, so only what is not may take more memory than allowed.
  CHECK(core.log().IsWithin(core.options().log_cache) || core.log().cached_begin() >= core.durable_end());
  CHECK_GE(core.log().cached_begin(), core.log().begin());
  // Who has no room promises nothing.
  if (core.space() == SpaceLevel::kCritical) CHECK(std::holds_alternative<Follower>(core.role()));
  // No entry is from a term the node has not entered (thesis §3.4).
  if (auto term = core.log().last_term()) CHECK_LE(*term, core.hard_state().term);
  if (core.hard_state().leader_established) CHECK(core.hard_state().voted_for.has_value());
  // Who knows that its state is wrong neither leads nor tries to.
  if (core.quarantined()) CHECK(std::holds_alternative<Follower>(core.role()));
  if (const auto* leader = std::get_if<Leader>(&core.role())) {
    // A leader voted for itself, and its log reaches its own first entry.
    CHECK(core.hard_state().voted_for == core.options().id);
    CHECK_LT(leader->term_start, core.log().end());
    if (leader->transfer) {
      // Leadership goes to a voter other than the leader (thesis §3.10).
      CHECK(leader->transfer->to != core.options().id);
      CHECK(core.membership().current().IsVoter(leader->transfer->to));
    }
    // A node whose disk hangs does not lead.
    CHECK(core.disk() != DiskLevel::kStalled);
    CheckChanges(core, *leader);
    const Membership& now = core.membership().current();
    // Nobody leads, and nobody is counted, with a disk that the membership does not know (docs/decisions/0013).
    if (now.IsVoter(core.options().id)) CHECK(core.CountsDisk(core.options().id, core.incarnation()));
    for (const auto& [id, progress] : leader->tracker.peers()) {
      const bool counted = now.IsVoter(id) && progress.match_end() > LogIndex(0);
      if (counted) CHECK(MutantOn(Mutant::kI02) || core.CountsDisk(id, progress.incarnation()));
    }
  }
  if (std::holds_alternative<Candidate>(core.role())) CHECK(core.hard_state().voted_for == core.options().id);
}

void CheckTransition(const RaftCore& before, const RaftCore& after) {
  // Terms never fall (thesis §3.3).
  CHECK_GE(after.hard_state().term, before.hard_state().term);
  // Commitment is final, and so is application.
  CHECK_GE(after.commit_end(), before.commit_end());
  CHECK_GE(after.emitted_end(), before.emitted_end());
  CHECK_GE(after.log().begin(), before.log().begin());
  if (after.hard_state().term == before.hard_state().term) {
    // One vote per term; it moves only to the established leader.
    const bool kept = after.hard_state().voted_for == before.hard_state().voted_for;
    CHECK(kept || !before.hard_state().voted_for || after.hard_state().leader_established);
    CHECK(after.hard_state().leader_established || !before.hard_state().leader_established);
    // A leader only appends (Leader Append-Only, thesis §3.5).
    const bool led = std::holds_alternative<Leader>(before.role()) && std::holds_alternative<Leader>(after.role());
    if (led) CHECK_GE(after.log().end(), before.log().end());
    // While leadership is handed over nothing is appended, and a forfeited lease stays forfeited.
    if (before.IsTransferring() && after.IsTransferring()) CHECK_EQ(after.log().end(), before.log().end());
    if (led && before.LeaseIsForfeit()) CHECK(after.LeaseIsForfeit());
  }
}

}  // namespace metasrv
