#include "backup/recluster.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace metasrv::backup {
namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::expected<NodeId, std::string> ParseId(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty()) return std::unexpected("cannot parse integer from empty string");
  if (error == std::errc::result_out_of_range) return std::unexpected("number too large to fit in target type");
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::unexpected("invalid digit found in string");
  }
  return NodeId(value);
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool IsHost(std::string_view host) {
  const auto is_visible = [](char c) { return c > ' ' && c <= '~'; };  // ASCII only, as in every URL
  if (host.empty() || !std::ranges::all_of(host, is_visible)) return false;
  if (host.front() == '[') return host.size() > 2 && host.back() == ']';
  return host.find_first_of(":[] \t%<>^|\\") == std::string_view::npos;
}

// The authority of an http URL: `[user@]host:port`, then perhaps a path.
std::optional<Endpoint> ParseAuthority(std::string_view address) {
  std::string_view authority = address.substr(0, address.find_first_of("/?#"));
  std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) authority.remove_prefix(at + 1);
  std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || !IsHost(authority.substr(0, colon))) return std::nullopt;
  std::optional<std::uint16_t> port = ParsePort(authority.substr(colon + 1));
  if (!port.has_value()) return std::nullopt;
  return Endpoint{Lower(authority.substr(0, colon)), *port};
}

std::string ListOf(const std::map<NodeId, Endpoint>& members) {
  std::string text;
  for (const auto& [id, endpoint] : members) text += (text.empty() ? "" : ", ") + std::to_string(id.value());
  return text;
}

Entry AddNodeEntry(LogId entry_id, NodeId id, const meta::Node& node) {
  pb::Command command;
  meta::CmdAddNode* add = command.mutable_add_node();
  add->set_node_id(id.value());
  *add->mutable_node() = node;
  add->set_overriding(true);
  return Entry::Normal(entry_id, command.SerializeAsString());
}

}  // namespace

Membership NewCluster::MembershipOf() const {
  NodeSet ids;
  for (const auto& [id, endpoint] : members) ids.push_back(id);
  return Membership{{ids}, ids};
}

std::map<NodeId, meta::Node> NewCluster::Nodes() const {
  std::map<NodeId, meta::Node> nodes;
  for (const auto& [id, endpoint] : members) {
    meta::Node& node = nodes[id];
    node.set_name(std::to_string(id.value()));
    node.set_addr(endpoint.host);
    node.set_port(endpoint.port);
  }
  return nodes;
}

std::vector<Entry> NewCluster::EntriesAfter(const std::optional<LogId>& base) const {
  LogId next;
  if (base.has_value()) next = {base->term, base->leader, base->index.Next()};
  std::vector<Entry> entries;
  entries.push_back(Entry::OfMembership(next, MembershipOf()));
  for (const auto& [id, node] : Nodes()) {
    next.index = next.index.Next();
    entries.push_back(AddNodeEntry(next, id, node));
  }
  return entries;
}

std::expected<std::pair<NodeId, Endpoint>, std::string> ParsePeer(std::string_view text) {
  if (std::ranges::count(text, '=') != 1) return std::unexpected("invalid peer str: " + std::string(text));
  std::size_t equal = text.find('=');
  std::expected<NodeId, std::string> id = ParseId(text.substr(0, equal));
  if (!id.has_value()) return std::unexpected(id.error());
  std::string_view addresses = text.substr(equal + 1);
  if (std::ranges::count(addresses, ',') > 1) {
    return std::unexpected("require 1 or 2 addresses in peer str: " + std::string(text));
  }
  std::string_view address = addresses.substr(0, addresses.find(','));
  std::optional<Endpoint> endpoint = ParseAuthority(address);
  if (!endpoint.has_value()) return std::unexpected("invalid peer raft addr: " + std::string(address));
  return std::pair(*id, *endpoint);
}

std::expected<std::map<NodeId, Endpoint>, std::string> ParsePeers(std::span<const std::string> peers) {
  std::map<NodeId, Endpoint> members;
  for (const std::string& text : peers) {
    auto peer = ParsePeer(text);
    if (!peer.has_value()) return std::unexpected(peer.error());
    members[peer->first] = peer->second;
  }
  return members;
}

std::expected<NewCluster, std::string> ParseNewCluster(std::span<const std::string> peers, NodeId self) {
  auto members = ParsePeers(peers);
  if (!members.has_value()) return std::unexpected(members.error());
  NewCluster cluster{self, *std::move(members)};
  if (!cluster.members.contains(self)) {
    return std::unexpected("node id (" + std::to_string(self.value()) + ") has to be one of cluster member([" +
                           ListOf(cluster.members) + "])");
  }
  return cluster;
}

}  // namespace metasrv::backup
