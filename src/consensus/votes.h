#pragma once

#include <cstddef>
#include <map>

#include "consensus/membership.h"

namespace metasrv {

// The tally of one election or pre-vote round: each voter counts once, by its first answer.
class Votes {
 public:
  void Record(NodeId voter, bool granted);
  [[nodiscard]] bool Won(const Membership& membership) const;
  // A majority can no longer be reached.
  [[nodiscard]] bool Lost(const Membership& membership) const;

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  std::map<NodeId, bool> answers_;
  std::size_t grant_count_ = 0;
};

}  // namespace metasrv
