#include "server/status_text.h"

#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "server/version.h"

namespace metasrv::server {
namespace {

using Json = nlohmann::ordered_json;

std::string RaftAddress(const meta::Node& node) { return node.addr() + ":" + std::to_string(node.port()); }

std::uint64_t LastLogIndex(const node::NodeStatus& status) {
  return status.raft.last ? status.raft.last->index.value() : 0;
}

template <class F>
void ForEachRecorded(const node::NodeStatus& status, const NodeSet& ids, F use) {
  for (const NodeId id : ids) {
    if (const auto found = status.nodes.find(id); found != status.nodes.end()) use(found->second);
  }
}

const meta::Node* LeaderRecord(const node::NodeStatus& status) {
  if (!status.raft.leader) return nullptr;
  const auto found = status.nodes.find(*status.raft.leader);
  return found == status.nodes.end() ? nullptr : &found->second;
}

Json LogIdJson(const LogId& id) {
  return {{"leader_id", {{"term", id.term.value()}, {"node_id", id.leader.value()}}}, {"index", id.index.value()}};
}

Json LogIdOrNull(const std::optional<LogId>& id) { return id ? LogIdJson(*id) : Json(nullptr); }

Json NodeJson(const meta::Node& node) {
  const bool has_grpc = node.has_grpc_api_advertise_address();
  return {{"name", node.name()},
          {"endpoint", {{"addr", node.addr()}, {"port", node.port()}}},
          {"grpc_api_advertise_address", has_grpc ? Json(node.grpc_api_advertise_address()) : Json(nullptr)}};
}

Json NodeListJson(const node::NodeStatus& status, const NodeSet& ids) {
  Json list = Json::array();
  ForEachRecorded(status, ids, [&](const meta::Node& node) { list.push_back(NodeJson(node)); });
  return list;
}

// "ChunkId(00_000_000_000_000_000_042)" of the offset at which a log file begins.
std::string ChunkName(std::uint64_t offset) {
  std::string digits = std::to_string(offset);
  digits.insert(0, 20 - digits.size(), '0');
  for (const std::size_t at : {17, 14, 11, 8, 5, 2}) digits.insert(at, 1, '_');
  return "ChunkId(" + digits + ")";
}

// The complete log files by name; offsets count from the oldest one there is.
std::map<std::string, std::uint64_t> ClosedChunks(const io::LogStats& log) {
  std::map<std::string, std::uint64_t> chunks;
  std::uint64_t offset = 0;
  for (const std::uint64_t bytes : log.closed_wal_bytes) {
    chunks[ChunkName(offset)] = bytes;
    offset += bytes;
  }
  return chunks;
}

Json RaftLogJson(const node::NodeStatus& status) {
  const io::LogStats& log = status.log;
  const std::uint64_t closed_bytes = ClosedBytes(log);
  return {{"cache_items", status.log_cached_items},
          {"cache_used_size", status.log_cached_bytes},
          {"wal_total_size", log.wal_bytes},
          {"wal_open_chunk_size", log.wal_bytes - closed_bytes},
          {"wal_offset", log.wal_offset},
          {"wal_closed_chunk_count", log.closed_wal_bytes.size()},
          {"wal_closed_chunk_total_size", closed_bytes},
          {"wal_closed_chunk_sizes", ClosedChunks(log)}};
}

Json ReplicationJson(const node::NodeStatus& status) {
  if (status.raft.role != RoleName::kLeader) return nullptr;
  Json json = Json::object();
  for (const auto& [id, matched] : status.raft.replication) json[std::to_string(id.value())] = LogIdOrNull(matched);
  return json;
}

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Upstream's names of the two key spaces; one without keys is left out.
Json KeySpaceJson(const node::RowCounts& rows) {
  Json json = Json::object();
  if (rows.expiries > 0) json["exp-"] = rows.expiries;
  if (rows.records > 0) json["kv--"] = rows.records;
  return json;
}

}  // namespace

std::string NodeText(const meta::Node& node) {
  return "id=" + node.name() + " raft=" + RaftAddress(node) + " grpc=" + node.grpc_api_advertise_address();
}

std::string StateText(const node::NodeStatus& status) {
  if (status.stopped) return "Shutdown";
  switch (status.raft.role) {
    case RoleName::kLearner: return "Learner";
    case RoleName::kFollower: return "Follower";
    case RoleName::kCandidate: return "Candidate";
    case RoleName::kLeader: return "Leader";
  }
  return "";
}

std::uint64_t ClosedBytes(const io::LogStats& log) {
  return std::accumulate(log.closed_wal_bytes.begin(), log.closed_wal_bytes.end(), std::uint64_t{0});
}

meta::ClusterStatus MakeClusterStatus(const node::NodeStatus& status) {
  meta::ClusterStatus reply;
  reply.set_id(status.raft.id.value());
  reply.set_binary_version(kProtocolVersion);
  reply.set_data_version(kDataVersion);
  if (const auto own = status.nodes.find(status.raft.id); own != status.nodes.end()) {
    reply.set_endpoint(RaftAddress(own->second));
  }
  reply.set_raft_log_size(status.log.wal_bytes);
  reply.set_state(StateText(status));
  reply.set_is_leader(reply.state() == "Leader");
  reply.set_current_term(status.raft.hard_state.term.value());
  reply.set_last_log_index(LastLogIndex(status));
  reply.set_last_applied(ToString(status.last_applied.value_or(LogId{})));
  if (status.snapshot) reply.set_snapshot_last_log_id(ToString(*status.snapshot));
  if (status.raft.purged) reply.set_purged(ToString(*status.raft.purged));
  if (const meta::Node* leader = LeaderRecord(status)) reply.set_leader(NodeText(*leader));
  for (const auto& [id, matched] : status.raft.replication) {
    if (matched) (*reply.mutable_replication())[id.value()] = ToString(*matched);
  }
  ForEachRecorded(status, status.applied_membership.Voters(),
                  [&](const meta::Node& node) { reply.add_voters(NodeText(node)); });
  ForEachRecorded(status, status.applied_membership.Learners(),
                  [&](const meta::Node& node) { reply.add_non_voters(NodeText(node)); });
  reply.set_last_seq(status.last_seq);
  reply.set_snapshot_key_count(status.snapshot_rows.total());
  meta::RaftLogStatus& log = *reply.mutable_raft_log_status();
  log.set_cache_items(status.log_cached_items);
  log.set_cache_used_size(status.log_cached_bytes);
  log.set_wal_total_size(status.log.wal_bytes);
  log.set_wal_open_chunk_size(status.log.wal_bytes - ClosedBytes(status.log));
  log.set_wal_offset(status.log.wal_offset);
  log.set_wal_closed_chunk_count(status.log.closed_wal_bytes.size());
  log.set_wal_closed_chunk_total_size(ClosedBytes(status.log));
  for (const auto& [name, bytes] : ClosedChunks(status.log)) (*log.mutable_wal_closed_chunk_sizes())[name] = bytes;
  return reply;
}

std::string StateHashJson(const node::NodeStatus& status) {
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx", static_cast<unsigned long long>(status.state_hash));
  Json json;
  json["last_applied"] = LogIdOrNull(status.last_applied);
  json["last_seq"] = status.last_seq;
  json["state_hash"] = hash.data();
  return json.dump();
}

std::string StatusJson(const node::NodeStatus& status) {
  const auto own = status.nodes.find(status.raft.id);
  const meta::Node* leader = LeaderRecord(status);
  const std::string state = StateText(status);
  Json json;
  json["id"] = status.raft.id.value();
  json["binary_version"] = kProductVersion;
  json["data_version"] = kDataVersion;
  json["endpoint"] = own == status.nodes.end() ? Json(nullptr) : Json(RaftAddress(own->second));
  json["raft_log"] = RaftLogJson(status);
  json["snapshot_key_count"] = status.snapshot_rows.total();
  if (status.snapshot_rows.total() > 0) json["snapshot_key_space_stat"] = KeySpaceJson(status.snapshot_rows);
  json["state"] = state;
  json["is_leader"] = state == "Leader";
  json["current_term"] = status.raft.hard_state.term.value();
  json["last_log_index"] = LastLogIndex(status);
  json["last_applied"] = LogIdJson(status.last_applied.value_or(LogId{}));
  json["snapshot_last_log_id"] = LogIdOrNull(status.snapshot);
  json["purged"] = LogIdOrNull(status.raft.purged);
  json["leader"] = leader == nullptr ? Json(nullptr) : NodeJson(*leader);
  json["replication"] = ReplicationJson(status);
  json["voters"] = NodeListJson(status, status.applied_membership.Voters());
  json["non_voters"] = NodeListJson(status, status.applied_membership.Learners());
  json["last_seq"] = status.last_seq;
  return Dump(json);
}

std::string NodesJson(const node::NodeStatus& status) {
  Json list = Json::array();
  for (const auto& [id, node] : status.nodes) list.push_back(NodeJson(node));
  return Dump(list);
}

std::string StateJson(const node::NodeStatus& status) {
  const meta::Node* leader = LeaderRecord(status);
  Json json;
  json["voters"] = NodeListJson(status, status.applied_membership.Voters());
  json["non_voters"] = NodeListJson(status, status.applied_membership.Learners());
  json["leader"] = leader == nullptr ? Json(nullptr) : NodeJson(*leader);
  return Dump(json);
}

}  // namespace metasrv::server
