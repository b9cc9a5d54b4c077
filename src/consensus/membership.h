#pragma once

#include <string>
#include <vector>

#include "common/ids.h"
#include "consensus/identity.h"

namespace metasrv {

// A sorted set of node ids without duplicates.
using NodeSet = std::vector<NodeId>;

// Who takes part in consensus (thesis §4.3). Invariants, checked by Validate() where a membership enters from the wire
// or from an operator: every voter is in `nodes`; every set is sorted and without duplicates; no config is empty.
// A backup may hold one that breaks them; it is stored as given (export-format.md §11.4).
struct Membership {
  std::vector<NodeSet> configs;   // one voter set; two during a joint change; none before the first membership entry
  NodeSet nodes;                  // all voters and learners
  MembershipIdentity identity{};  // which disks of theirs; not part of a backup

  [[nodiscard]] bool IsVoter(NodeId id) const;
  [[nodiscard]] bool IsLearner(NodeId id) const { return Contains(id) && !IsVoter(id); }
  [[nodiscard]] bool Contains(NodeId id) const;
  [[nodiscard]] bool IsJoint() const { return configs.size() > 1; }
  // All voters of all configs, sorted.
  [[nodiscard]] NodeSet Voters() const;
  [[nodiscard]] NodeSet Learners() const;
  [[nodiscard]] bool Validate() const;

  // Compares the members, not their disks.
  friend bool operator==(const Membership& a, const Membership& b) {
    return a.configs == b.configs && a.nodes == b.nodes;
  }
};

// The uniform membership with these voters and learners.
[[nodiscard]] Membership UniformMembership(NodeSet voters, const NodeSet& learners = {});

[[nodiscard]] bool Contains(const NodeSet& set, NodeId id);
[[nodiscard]] NodeSet With(NodeSet set, NodeId id);
[[nodiscard]] NodeSet Without(NodeSet set, NodeId id);
[[nodiscard]] NodeSet Union(const NodeSet& a, const NodeSet& b);

// "voters:[{1,2},{1,2,3}] learners:[4]"
[[nodiscard]] std::string ToString(const Membership& membership);

}  // namespace metasrv
