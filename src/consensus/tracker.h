#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "consensus/progress.h"

namespace metasrv {

// A leader's view of every other member, and the two quorum questions it answers.
class Tracker {
 public:
  explicit Tracker(NodeId self) : self_(self) {}

  // Follows exactly the members of `membership` but the leader itself; new ones are probed from `next`. Members that
  // are gone still have a Progress, and count for nothing, until they have the entries before `next` and know them to
  // be committed, at most until `until`. Returns those that are no longer followed at all: they were taking a snapshot.
  NodeSet Follow(const Membership& membership, LogIndex next, Instant now, Instant until);
  // Whether `id` is followed only to be told that it was removed.
  [[nodiscard]] bool IsGone(NodeId id) const { return farewells_.contains(id); }
  // Whether `id` was removed by an entry that is not committed yet.
  [[nodiscard]] bool IsHeldBack(NodeId id, LogIndex commit_end) const;
  // To be called at each new confirmation round, before it is sent. Returns the removed members that are no longer
  // followed, and whether each has confirmed that it knows.
  std::vector<std::pair<NodeId, bool>> EndFarewells(std::uint64_t round, Instant now);

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
  // Whether `id`, or this leader, was heard at or after `since`.
  [[nodiscard]] bool Heard(NodeId id, Instant since) const;

 private:
  struct Farewell {
    LogIndex end;  // entries that it has to have
    Instant until;
    std::optional<std::uint64_t> told_round;  // an answer to this round proves that it knows
  };
  friend class StateDigest;  // names every member, for the exhaustive test
  NodeId self_;
  std::map<NodeId, Progress> peers_;
  std::map<NodeId, Farewell> farewells_;  // each has a Progress
};

}  // namespace metasrv
