#include "backup/record.h"

#include <algorithm>
#include <tuple>

namespace metasrv::backup {

bool BackupLess(const LogId& a, const LogId& b) {
  return std::tie(a.term, a.leader, a.index) < std::tie(b.term, b.leader, b.index);
}

Vote VoteOf(const HardState& state, NodeId self) {
  return {state.term, state.voted_for.value_or(self), state.leader_established};
}

HardState HardStateOf(const Vote& vote) { return {vote.term, vote.node_id, vote.committed}; }

namespace {

NodeSet SetOf(const auto& ids) {
  NodeSet set;
  for (std::uint64_t id : ids) set.push_back(NodeId(id));
  std::ranges::sort(set);
  set.erase(std::unique(set.begin(), set.end()), set.end());
  return set;
}

}  // namespace

Membership FromProto(const meta::Membership& membership) {
  Membership out;
  for (const meta::VoterGroup& group : membership.configs()) out.configs.push_back(SetOf(group.node_ids()));
  out.nodes = SetOf(membership.nodes());
  return out;
}

meta::Membership ToProto(const Membership& membership) {
  meta::Membership out;
  for (const NodeSet& config : membership.configs) {
    meta::VoterGroup* group = out.add_configs();
    for (NodeId id : config) group->add_node_ids(id.value());
  }
  for (NodeId id : membership.nodes) out.add_nodes(id.value());
  return out;
}

}  // namespace metasrv::backup
