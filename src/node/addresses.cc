#include "node/addresses.h"

#include <utility>

#include "log.pb.h"
#include "sm/read.h"
#include "sm/row_codec.h"

namespace metasrv::node {

Endpoint EndpointOf(const meta::Node& node) { return {node.addr(), static_cast<std::uint16_t>(node.port())}; }

void Addresses::Reload(const sm::Reader& state) {
  std::map<NodeId, meta::Node> now = sm::ReadNodes(state);
  for (const auto& [id, node] : now) {
    const auto before = table_.find(id);
    if (before == table_.end() || EndpointOf(before->second) != EndpointOf(node)) endpoints_[id] = EndpointOf(node);
  }
  table_ = std::move(now);
}

void Addresses::Foresee(const Entry& entry) {
  pb::Command command;
  if (entry.kind != EntryKind::kNormal || !sm::ParseCommand(*entry.payload, command)) return;
  if (command.has_add_node()) Learn(NodeId(command.add_node().node_id()), EndpointOf(command.add_node().node()));
}

void Addresses::Learn(NodeId id, const Endpoint& endpoint) {
  if (endpoint.port == 0 || endpoint.host.empty()) return;
  Endpoint& known = endpoints_[id];
  if (known != endpoint) known = endpoint;
}

std::optional<Endpoint> Addresses::Find(NodeId id) const {
  const auto found = endpoints_.find(id);
  return found == endpoints_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<NodeId> Addresses::OtherUserOf(const Endpoint& endpoint, NodeId id) const {
  for (const auto& [user, node] : table_) {
    if (user != id && EndpointOf(node) == endpoint) return user;
  }
  return std::nullopt;
}

}  // namespace metasrv::node
