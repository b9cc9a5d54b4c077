#include "consensus/membership.h"

#include <algorithm>
#include <iterator>

namespace metasrv {
namespace {

bool IsSet(const NodeSet& set) {
  return std::adjacent_find(set.begin(), set.end(), [](NodeId a, NodeId b) { return a >= b; }) == set.end();
}

std::string Join(const NodeSet& set) {
  std::string text;
  for (NodeId id : set) {
    if (!text.empty()) text += ",";
    text += std::to_string(id.value());
  }
  return text;
}

}  // namespace

bool Contains(const NodeSet& set, NodeId id) { return std::binary_search(set.begin(), set.end(), id); }

NodeSet With(NodeSet set, NodeId id) {
  auto at = std::lower_bound(set.begin(), set.end(), id);
  if (at == set.end() || *at != id) set.insert(at, id);
  return set;
}

NodeSet Without(NodeSet set, NodeId id) {
  std::erase(set, id);
  return set;
}

NodeSet Union(const NodeSet& a, const NodeSet& b) {
  NodeSet all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

bool Membership::IsVoter(NodeId id) const {
  return std::any_of(configs.begin(), configs.end(), [id](const NodeSet& set) { return metasrv::Contains(set, id); });
}

bool Membership::Contains(NodeId id) const { return metasrv::Contains(nodes, id) || IsVoter(id); }

NodeSet Membership::Voters() const {
  NodeSet all;
  for (const NodeSet& config : configs) all = Union(all, config);
  return all;
}

NodeSet Membership::Learners() const {
  NodeSet learners;
  for (NodeId id : nodes) {
    if (!IsVoter(id)) learners.push_back(id);
  }
  return learners;
}

bool Membership::Validate() const {
  if (!IsSet(nodes)) return false;
  for (const NodeSet& config : configs) {
    if (config.empty() || !IsSet(config)) return false;
    for (NodeId id : config) {
      if (!metasrv::Contains(nodes, id)) return false;
    }
  }
  return true;
}

Membership UniformMembership(NodeSet voters, const NodeSet& learners) {
  Membership membership;
  membership.nodes = Union(voters, learners);
  membership.configs.push_back(std::move(voters));
  return membership;
}

std::string ToString(const Membership& membership) {
  std::string text = "voters:[";
  for (std::size_t i = 0; i < membership.configs.size(); ++i) {
    if (i > 0) text += ",";
    text += "{" + Join(membership.configs[i]) + "}";
  }
  return text + "] learners:[" + Join(membership.Learners()) + "]";
}

}  // namespace metasrv
