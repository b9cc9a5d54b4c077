#pragma once

#include <map>
#include <optional>

#include "consensus/progress.h"

namespace metasrv {

// A leader's view of every other member, and the two quorum questions it answers.
class Tracker {
 public:
  explicit Tracker(NodeId self) : self_(self) {}

  // Follows exactly the members of `membership` but the leader itself; new ones are probed from `next`.
  // Returns the members that are no longer followed.
  NodeSet Follow(const Membership& membership, LogIndex next, Instant now);

  [[nodiscard]] Progress* Find(NodeId id);
  [[nodiscard]] const Progress* Find(NodeId id) const;
  [[nodiscard]] std::map<NodeId, Progress>& peers() { return peers_; }
  [[nodiscard]] const std::map<NodeId, Progress>& peers() const { return peers_; }

  // Entries that a quorum holds durably; the leader's own log counts up to `own_durable_end` (thesis §10.2.1).
  [[nodiscard]] LogIndex QuorumEnd(const Membership& membership, LogIndex own_durable_end) const;
  // The highest confirmation round that a quorum, this leader included, has answered.
  [[nodiscard]] std::uint64_t QuorumRound(const Membership& membership, std::uint64_t own_round) const;
  // Whether a quorum, this leader included, was heard at or after `since`.
  [[nodiscard]] bool HeardFromQuorum(const Membership& membership, Instant since) const;

 private:
  NodeId self_;
  std::map<NodeId, Progress> peers_;
};

}  // namespace metasrv
