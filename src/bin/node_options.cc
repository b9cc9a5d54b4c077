#include "bin/node_options.h"

#include <algorithm>

namespace metasrv {
namespace {

// Larger pieces would hold up the heartbeats behind them.
constexpr std::uint64_t kChunkBytesMax = 1024 * 1024;
constexpr Duration kSnapshotPause = Duration::Seconds(10);
constexpr std::uint64_t kDefaultMessageBytes = 32ULL * 1024 * 1024;

// Milliseconds that would overflow a Duration are as good as forever.
Duration Millis(std::uint64_t ms) {
  constexpr std::uint64_t kYearMs = 365ULL * 24 * 3600 * 1000;
  return Duration::Millis(static_cast<std::int64_t>(std::min(ms, kYearMs)));
}

std::expected<std::vector<Endpoint>, std::string> ToEndpoints(const std::vector<std::string>& addresses) {
  std::vector<Endpoint> endpoints;
  for (const std::string& address : addresses) {
    const auto parts = server::SplitHostPort(address);
    if (!parts) return std::unexpected("invalid address in `join`: " + address);
    endpoints.push_back({parts->host, parts->port});
  }
  return endpoints;
}

}  // namespace

std::expected<node::NodeOptions, std::string> ToNodeOptions(const server::Config& config) {
  const server::RaftConfig& raft = config.raft;
  auto join = ToEndpoints(server::JoinOthers(config));
  if (!join) return std::unexpected(join.error());
  node::NodeOptions options;
  options.raft.id = NodeId(raft.id);
  options.raft.heartbeat_interval = Millis(raft.heartbeat_interval);
  options.raft.election_timeout_min = options.raft.heartbeat_interval * 2;
  options.raft.election_timeout_max = options.raft.heartbeat_interval * 3;
  options.raft.log_cache = {.bytes_max = raft.log_cache_capacity, .items_max = raft.log_cache_max_items};
  options.raft.lease = raft.read_lease;
  options.raft.clock_drift_bound_ppm = static_cast<std::uint32_t>(raft.clock_drift_bound_ppm);
  options.raft_advertise = {raft.raft_advertise_host, raft.raft_api_port};
  options.grpc_advertise = server::GrpcAdvertiseAddress(config);
  options.single = raft.single;
  options.join = std::move(*join);
  options.learner = raft.learner;
  options.wait_leader_timeout = Millis(raft.wait_leader_timeout);
  options.snapshot_logs_since_last = std::max<std::uint64_t>(raft.snapshot_logs_since_last, 1);
  options.snapshot_pause = kSnapshotPause;
  options.max_applied_log_to_keep = raft.max_applied_log_to_keep;
  // Room for the envelope around an entry or a piece of a snapshot (config-and-cli.md §7.4).
  const std::uint64_t message_bytes = raft.raft_grpc_max_message_size.value_or(kDefaultMessageBytes);
  const std::uint64_t payload_bytes = message_bytes / 10 * 9;
  options.command_bytes_max = payload_bytes;
  options.snapshot_chunk_bytes =
      std::clamp<std::uint64_t>(raft.snapshot_chunk_size, 1, std::min(payload_bytes / 2, kChunkBytesMax));
  options.snapshot_rate_bytes = raft.snapshot_send_rate;
  options.watch = {config.watch.on, config.watch.streams_max, config.watch.buffer_bytes, config.watch.memory_bytes};
  return options;
}

}  // namespace metasrv
