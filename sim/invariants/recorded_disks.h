#pragma once

#include <map>
#include <set>
#include <utility>

#include "peer.pb.h"
#include "sim/invariants/node_view.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kRecordedDisks = {
    "only recorded disks elect",
    "Whoever is elected got its votes from a majority of the disks that its configuration records; votes of an emptied "
    "or an old disk count for nothing. The exception are pairs of voters, in which every quorum contains the winner.",
    "docs/decisions/0013"};

// Messages that the nemesis forges carry this name.
inline constexpr std::uint64_t kForeignClusterId = 0xF0F0'F0F0'F0F0'F0F1;

class RecordedDisks {
 public:
  explicit RecordedDisks(Verdict& verdict) : verdict_(verdict) {}

  // A vote leaves a node.
  void OnVote(const pb::PeerMessage& message);
  // `leader` has just begun to lead.
  void OnElected(const NodeView& leader);

 private:
  using Grant = std::pair<NodeId, Incarnation>;
  Verdict& verdict_;
  std::map<std::pair<Term, NodeId>, std::set<Grant>> grants_;  // by term and candidate
};

}  // namespace metasrv::sim
