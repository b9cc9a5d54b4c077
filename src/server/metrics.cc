#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <map>

#include "server/open_metrics.h"
#include "server/status_text.h"
#include "server/version.h"

namespace metasrv::server {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::MetricFamily;
using prometheus::MetricType;

const Histogram::BucketBoundaries kDelayBucketsMs{1,    2,    3,    4,    5,     7,     10,    20,    30,    40,
                                                  50,   70,   100,  200,  300,   400,   500,   700,   1000,  2000,
                                                  3000, 4000, 5000, 7000, 10000, 20000, 30000, 40000, 50000, 70000};

prometheus::Family<Counter>& CounterFamily(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Histogram& DelayHistogram(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, kDelayBucketsMs);
}

// One family with one unlabelled sample.
MetricFamily Single(MetricType type, const std::string& name, const char* help, double value) {
  MetricFamily family{name, help, type, {}};
  auto& metric = family.metric.emplace_back();
  metric.gauge.value = value;
  metric.counter.value = value;
  return family;
}

MetricFamily VersionFamily() {
  MetricFamily family{"metasrv_server_version", "Version of this server", MetricType::Gauge, {}};
  auto& metric = family.metric.emplace_back();
  metric.label = {{"component", "metasrv"}, {"semver", std::string("v") + kProductVersion}, {"sha", kGitSha}};
  metric.gauge.value = 1;
  return family;
}

// The gauges of operations.md §4.2.
void AppendServerFamilies(const node::NodeStatus& status, std::vector<MetricFamily>& out) {
  const auto add = [&out](MetricType type, const char* name, const char* help, double value) {
    out.push_back(Single(type, std::string("metasrv_server_") + name, help, value));
  };
  const auto gauge = [&add](const char* name, const char* help, std::uint64_t value) {
    add(MetricType::Gauge, name, help, static_cast<double>(value));
  };
  const bool running = !status.stopped;
  const bool is_leader = running && status.raft.role == RoleName::kLeader;
  const bool is_follower = running && status.raft.role == RoleName::kFollower;
  gauge("current_leader_id", "Known leader, 0 if none", status.raft.leader.value_or(NodeId{}).value());
  gauge("is_leader", "Whether this node is the leader", is_leader ? 1 : 0);
  gauge("node_is_health", "Whether this node leads or follows", is_leader || is_follower ? 1 : 0);
  gauge("snapshot_key_count", "Keys in the last snapshot", status.snapshot_rows.total());
  gauge("snapshot_primary_index_count", "Records in the last snapshot", status.snapshot_rows.records);
  gauge("snapshot_expire_index_count", "Expiry entries in the last snapshot", status.snapshot_rows.expiries);
  gauge("raft_log_cache_items", "Log entries in memory", status.log_cached_items);
  gauge("raft_log_cache_used_size", "Bytes of cached log entries", status.log_cached_bytes);
  const std::uint64_t closed_bytes = ClosedBytes(status.log);
  gauge("raft_log_wal_open_chunk_size", "Bytes of the open log file", status.log.wal_bytes - closed_bytes);
  gauge("raft_log_wal_offset", "End offset of the log", status.log.wal_offset);
  gauge("raft_log_wal_closed_chunk_count", "Closed log files", status.log.closed_wal_bytes.size());
  gauge("raft_log_wal_closed_chunk_total_size", "Bytes of closed log files", closed_bytes);
  gauge("raft_log_size", "Bytes of the log on disk", status.log.wal_bytes);
  gauge("proposals_applied", "Index of the last applied entry", status.last_applied.value_or(LogId{}).index.value());
  gauge("last_log_index", "Index of the last entry", status.raft.last.value_or(LogId{}).index.value());
  gauge("last_seq", "Last sequence number handed out", status.last_seq);
  gauge("current_term", "Current term", status.raft.hard_state.term.value());
  gauge("proposals_pending", "Proposals not yet applied", status.proposals_pending);
  gauge("watchers", "Open watch streams", status.watches.open);
  // Ours; of the hash as many bits as a sample can hold exactly.
  gauge("state_hash", "Low 48 bits of the state hash", status.state_hash & ((1ULL << 48U) - 1));
  gauge("state_quarantined", "1 while the state is known to be wrong", status.quarantined ? 1 : 0);
  gauge("state_disputes", "Checkpoints at which the voters' states differed without a majority", status.state_disputes);
  gauge("watch_waiting_bytes", "Bytes of changes that watch streams have still to send", status.watches.waiting_bytes);
  const std::uint64_t ended = status.watches.ended_too_slow + status.watches.ended_no_memory;
  add(MetricType::Counter, "watches_ended_too_slow", "Watch streams ended because they fell behind",
      static_cast<double>(ended));
  add(MetricType::Counter, "leader_changes", "Changes of the known leader", static_cast<double>(status.leader_changes));
  add(MetricType::Counter, "proposals_failed", "Failed proposals", static_cast<double>(status.proposals_failed));
  out.push_back(VersionFamily());
}

void AppendStorageFamilies(const node::NodeStatus& status, std::vector<MetricFamily>& out) {
  out.push_back(Single(MetricType::Gauge, "metasrv_raft_storage_snapshot_building", "1 while the state is made durable",
                       status.flushing ? 1 : 0));
  out.push_back(Single(MetricType::Counter, "metasrv_raft_storage_snapshot_written_entries",
                       "Changes of rows made durable", static_cast<double>(status.flushed_rows)));
}

// Labels of a peer: its node id when the node table knows the address, and the address.
std::vector<prometheus::ClientMetric::Label> PeerLabels(const node::NodeStatus& status, const Endpoint& peer) {
  std::string id;
  for (const auto& [node, record] : status.nodes) {
    if (record.addr() == peer.host && record.port() == peer.port) id = std::to_string(node.value());
  }
  return {{"id", id}, {"addr", ToString(peer)}};
}

// The families of operations.md §4.3 that have a counterpart here.
void AppendPeerFamilies(const node::NodeStatus& status, const PeerFigures& peers, std::vector<MetricFamily>& out) {
  MetricFamily active{"metasrv_raft_network_active_peers", "Open connections to peers", MetricType::Gauge, {}};
  MetricFamily unconnected{"metasrv_raft_network_fail_connect_to_peer", "Failed connects", MetricType::Gauge, {}};
  MetricFamily sent{"metasrv_raft_network_sent_bytes", "Bytes sent to peers", MetricType::Counter, {}};
  MetricFamily failed{"metasrv_raft_network_sent_failures", "Failed sends to peers", MetricType::Counter, {}};
  for (const auto& [endpoint, figures] : peers.peers) {
    const auto labels = PeerLabels(status, endpoint);
    const std::string to = labels[0].value.empty() ? labels[1].value : labels[0].value;
    auto& connection = active.metric.emplace_back();
    connection.label = labels;
    connection.gauge.value = figures.connected ? 1 : 0;
    auto& unreachable = unconnected.metric.emplace_back();
    unreachable.label = labels;
    unreachable.gauge.value = static_cast<double>(figures.connect_failures);
    auto& bytes = sent.metric.emplace_back();
    bytes.label = {{"to", to}};
    bytes.counter.value = static_cast<double>(figures.sent_bytes);
    auto& failures = failed.metric.emplace_back();
    failures.label = {{"to", to}};
    failures.counter.value = static_cast<double>(figures.failures);
  }
  MetricFamily received{"metasrv_raft_network_recv_bytes", "Bytes received from peers", MetricType::Counter, {}};
  for (const auto& [id, bytes] : status.received_bytes) {
    auto& from = received.metric.emplace_back();
    from.label = {{"from", std::to_string(id.value())}};
    from.counter.value = static_cast<double>(bytes);
  }
  for (MetricFamily* family : {&active, &unconnected, &sent, &failed, &received}) out.push_back(std::move(*family));
}

void AppendStateFamilies(const StateFigures& state, std::vector<MetricFamily>& out) {
  const auto gauge = [&out](const char* name, const char* help, std::uint64_t value) {
    const std::string full = std::string("metasrv_server_snapshot_") + name;
    out.push_back(Single(MetricType::Gauge, full, help, static_cast<double>(value)));
  };
  const std::uint64_t blocks = std::max<std::uint64_t>(state.blocks, 1);
  gauge("block_count", "Blocks of the state on disk", state.blocks);
  gauge("data_size", "Bytes of the state's data on disk", state.data_bytes);
  gauge("index_size", "Bytes of the state's indexes on disk", state.index_bytes);
  gauge("avg_block_size", "Bytes per block", state.data_bytes / blocks);
  gauge("avg_keys_per_block", "Rows per block", state.rows / blocks);
  gauge("read_block", "Blocks read", state.cache_hits + state.cache_misses);
  gauge("read_block_from_cache", "Blocks read from the cache", state.cache_hits);
  gauge("read_block_from_disk", "Blocks read from disk", state.cache_misses);
}

// Ours, not upstream's: how far each member is behind, as this leader knows it.
void AppendReplicationFamilies(const node::NodeStatus& status, std::vector<MetricFamily>& out) {
  MetricFamily lag{"metasrv_raft_replication_lag", "Entries that a member is known to miss", MetricType::Gauge, {}};
  const std::uint64_t end = status.raft.last ? status.raft.last->index.value() + 1 : 0;
  for (const auto& [id, matched] : status.raft.replication) {
    auto& metric = lag.metric.emplace_back();
    metric.label = {{"to", std::to_string(id.value())}};
    metric.gauge.value = static_cast<double>(end - (matched ? matched->index.value() + 1 : 0));
  }
  out.push_back(std::move(lag));
}

// Ours: whole states that went from node to node.
void AppendTransferFamilies(const node::SnapshotFigures& transfers, std::vector<MetricFamily>& out) {
  const auto add = [&out](const char* name, const char* help, std::uint64_t value) {
    out.push_back(Single(MetricType::Counter, std::string("metasrv_raft_network_snapshot_") + name, help,
                         static_cast<double>(value)));
  };
  add("sent_bytes", "Bytes of snapshots sent", transfers.sent_bytes);
  add("resent_bytes", "Of these, bytes that had been sent before", transfers.resent_bytes);
  add("recv_bytes", "Bytes of snapshots received", transfers.received_bytes);
  add("resumed", "Transfers that went on where an earlier one had ended", transfers.resumed);
}

// Node and trace know peers by their ids; operations.md §4.3 wants to see where they are.
void NameSenders(const std::map<NodeId, meta::Node>& nodes, std::vector<MetricFamily>& families) {
  for (MetricFamily& family : families) {
    for (auto& metric : family.metric) {
      for (auto& label : metric.label) {
        if (label.name != "from") continue;
        const auto node = std::ranges::find_if(
            nodes, [&](const auto& entry) { return std::to_string(entry.first.value()) == label.value; });
        if (node == nodes.end()) continue;
        label.value = node->second.addr() + ":" + std::to_string(node->second.port());
      }
    }
  }
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  Histogram& delay = DelayHistogram(registry, "metasrv_meta_network_rpc_delay_ms", "Duration of client calls");
  Histogram& read_delay = DelayHistogram(registry, "metasrv_meta_network_rpc_delay_read_ms", "Duration of reads");
  Histogram& write_delay = DelayHistogram(registry, "metasrv_meta_network_rpc_delay_write_ms", "Duration of writes");
  Counter& sent = Plain("metasrv_meta_network_sent_bytes", "Bytes sent to clients");
  Counter& received = Plain("metasrv_meta_network_recv_bytes", "Bytes received from clients");
  Counter& succeeded = Plain("metasrv_meta_network_req_success", "Calls answered");
  Counter& failed = Plain("metasrv_meta_network_req_failed", "Calls that failed");
  Counter& get_items = Plain("metasrv_meta_network_stream_get_item_sent", "Items sent for single reads");
  Counter& mget_items = Plain("metasrv_meta_network_stream_mget_item_sent", "Items sent for multi reads");
  Counter& list_items = Plain("metasrv_meta_network_stream_list_item_sent", "Items sent for lists");
  Counter& watch_initial = Plain("metasrv_meta_network_watch_initialization", "Initial items sent to watchers");
  Counter& watch_changes = Plain("metasrv_meta_network_watch_change", "Change events sent to watchers");
  Counter& reads_failed = Plain("metasrv_server_read_failed", "Failed reads");
  prometheus::Family<Counter>& unauthenticated = CounterFamily(registry, "metasrv_raft_network_unauthenticated_passed",
                                                               "Raft calls let through without an accepted secret");
  Gauge& inflight = PlainGauge("metasrv_meta_network_req_inflights", "Calls being served");

  Counter& Plain(const char* name, const char* help) { return CounterFamily(registry, name, help).Add({}); }
  Gauge& PlainGauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::CallStarted(std::size_t request_bytes) {
  impl_->inflight.Increment();
  impl_->received.Increment(static_cast<double>(request_bytes));
}

void Metrics::CallEnded(CallKind kind, bool ok, std::chrono::steady_clock::duration took) {
  const double ms = std::chrono::duration<double, std::milli>(took).count();
  impl_->inflight.Decrement();
  (ok ? impl_->succeeded : impl_->failed).Increment();
  impl_->delay.Observe(ms);
  if (kind == CallKind::kRead) impl_->read_delay.Observe(ms);
  if (kind == CallKind::kWrite) impl_->write_delay.Observe(ms);
}

void Metrics::Sent(std::size_t reply_bytes) { impl_->sent.Increment(static_cast<double>(reply_bytes)); }

void Metrics::ItemSent(ItemKind kind) {
  switch (kind) {
    case ItemKind::kGet: return impl_->get_items.Increment();
    case ItemKind::kMGet: return impl_->mget_items.Increment();
    case ItemKind::kList: return impl_->list_items.Increment();
    case ItemKind::kWatchInitial: return impl_->watch_initial.Increment();
    case ItemKind::kWatchChange: return impl_->watch_changes.Increment();
  }
}

void Metrics::ReadFailed() { impl_->reads_failed.Increment(); }

void Metrics::UnauthenticatedPassed(const std::string& reason) {
  impl_->unauthenticated.Add({{"reason", reason}}).Increment();
}

std::string Metrics::Render(const NodeFigures& figures, const TraceMetrics& events) const {
  std::vector<MetricFamily> families;
  AppendServerFamilies(figures.status, families);
  AppendStateFamilies(figures.state, families);
  AppendStorageFamilies(figures.status, families);
  AppendPeerFamilies(figures.status, figures.peers, families);
  AppendReplicationFamilies(figures.status, families);
  AppendTransferFamilies(figures.status.transfers, families);
  std::ranges::move(events.Collect(), std::back_inserter(families));
  NameSenders(figures.status.nodes, families);
  std::ranges::move(impl_->registry.Collect(), std::back_inserter(families));
  return ToOpenMetrics(families);
}

}  // namespace metasrv::server
