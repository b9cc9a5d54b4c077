#include "consensus/votes.h"

#include "common/mutant.h"
#include "consensus/quorum.h"

namespace metasrv {

void Votes::Record(NodeId voter, bool granted) {
  answers_.emplace(voter, granted);
  if (granted) ++grant_count_;
}

bool Votes::Won(const Membership& membership) const {
  if (MutantOn(Mutant::kE05)) return grant_count_ >= MajorityOf(membership.Voters().size());
  return HasQuorum(membership, [this](NodeId id) {
    auto answer = answers_.find(id);
    return answer != answers_.end() && answer->second;
  });
}

bool Votes::Lost(const Membership& membership) const {
  return !HasQuorum(membership, [this](NodeId id) {
    auto answer = answers_.find(id);
    return answer == answers_.end() || answer->second;
  });
}

}  // namespace metasrv
