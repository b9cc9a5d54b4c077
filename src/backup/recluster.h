#pragma once

#include <expected>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "consensus/types.h"
#include "log.pb.h"
#include "meta.pb.h"

namespace metasrv::backup {

// The cluster that an import turns a backup into (export-format.md §12).
struct NewCluster {
  NodeId self;                         // one of the members
  std::map<NodeId, Endpoint> members;  // raft addresses

  [[nodiscard]] Membership MembershipOf() const;
  // One entry per member for the node table.
  [[nodiscard]] std::map<NodeId, meta::Node> Nodes() const;
  // The entries that take the new cluster into the log, from just after `base`, or from index 0 without one.
  [[nodiscard]] std::vector<Entry> EntriesAfter(const std::optional<LogId>& base) const;
};

// One value of --initial-cluster, "<id>=<host>:<port>[,<ignored>]".
// Errors: the texts of §12.1.
[[nodiscard]] std::expected<std::pair<NodeId, Endpoint>, std::string> ParsePeer(std::string_view text);

// All values of --initial-cluster; the last one of an id counts.
// Errors: the texts of §12.1.
[[nodiscard]] std::expected<std::map<NodeId, Endpoint>, std::string> ParsePeers(std::span<const std::string> peers);

// All values of --initial-cluster together with --id.
// Errors: the texts of §12.1.
[[nodiscard]] std::expected<NewCluster, std::string> ParseNewCluster(std::span<const std::string> peers, NodeId self);

}  // namespace metasrv::backup
