#include "sim/invariants/recorded_disks.h"

#include <algorithm>

namespace metasrv::sim {

void RecordedDisks::OnVote(const pb::PeerMessage& message) {
  const pb::RaftVoteResponse& vote = message.vote_response();
  if (!vote.granted() || vote.pre_vote()) return;
  grants_[{Term(vote.term()), NodeId(message.to())}].emplace(NodeId(message.from()),
                                                             Incarnation(message.incarnation()));
}

void RecordedDisks::OnElected(const NodeView& leader) {
  const Membership& membership = *leader.membership;
  const auto& configs = membership.configs;
  const bool pair = std::ranges::all_of(
      configs, [&](const NodeSet& voters) { return voters.size() <= 2 && Contains(voters, leader.id); });
  if (pair) return;
  const std::set<Grant>& grants = grants_[{leader.hard_state.term, leader.id}];
  for (const NodeSet& voters : configs) {
    const auto count = std::ranges::count_if(voters, [&](NodeId voter) {
      return voter == leader.id || std::ranges::any_of(grants, [&](const Grant& grant) {
               return grant.first == voter && Counts(membership.identity.Recorded(voter), grant.second);
             });
    });
    if (2 * static_cast<std::size_t>(count) > voters.size()) continue;
    verdict_.Broken(kRecordedDisks, Name(leader.id) + " leads term " + std::to_string(leader.hard_state.term.value()) +
                                        " with " + std::to_string(count) + " of " + std::to_string(voters.size()) +
                                        " votes from disks that count");
    return;
  }
}

}  // namespace metasrv::sim
