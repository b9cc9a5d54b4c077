#include "sim/options.h"

#include <array>
#include <charconv>

namespace metasrv::sim {
namespace {

struct Field {
  std::string_view name;
  std::uint64_t RunOptions::*member;
};

#define FIELD(name) \
  Field { #name, &RunOptions::name }
constexpr std::array kFields = {
    FIELD(seed),
    FIELD(nodes),
    FIELD(learners),
    FIELD(join_under_faults),
    FIELD(import_like),
    FIELD(first_id),
    FIELD(restore),
    FIELD(restore_after_ms),
    FIELD(restore_lag_ms),
    FIELD(restore_nodes),
    FIELD(heartbeat_ms),
    FIELD(election_min_ms),
    FIELD(election_max_ms),
    FIELD(append_entries_max),
    FIELD(append_bytes_max),
    FIELD(inflight_max),
    FIELD(inflight_bytes_max),
    FIELD(log_cache_items),
    FIELD(apply_bytes_max),
    FIELD(uncommitted_bytes_max),
    FIELD(snapshot_logs),
    FIELD(keep_logs),
    FIELD(keep_for_peers_bytes),
    FIELD(snapshot_chunk_bytes),
    FIELD(mixed_chunks),
    FIELD(snapshot_rate_bytes),
    FIELD(snapshot_stall_ms),
    FIELD(snapshot_pin_ms),
    FIELD(checkpoint_interval),
    FIELD(scrub_ms),
    FIELD(leader_wait_ms),
    FIELD(write_timeout_ms),
    FIELD(lease),
    FIELD(lease_drift_ppm),
    FIELD(fault_ms),
    FIELD(heal_ms),
    FIELD(healing),
    FIELD(delay_min_us),
    FIELD(delay_max_us),
    FIELD(loss_ppm),
    FIELD(duplicate_ppm),
    FIELD(duplicate_delay_ms),
    FIELD(reorder_ppm),
    FIELD(tail_ppm),
    FIELD(tail_ms),
    FIELD(sync_min_us),
    FIELD(sync_max_us),
    FIELD(flush_max_us),
    FIELD(disk_slow_ppm),
    FIELD(disk_slow_factor),
    FIELD(torn_writes),
    FIELD(read_slow_ppm),
    FIELD(read_slow_max_ms),
    FIELD(drift_max_ppm),
    FIELD(wall_skew_max_ms),
    FIELD(crash_every_ms),
    FIELD(crash_all_every_ms),
    FIELD(pause_every_ms),
    FIELD(isolate_every_ms),
    FIELD(isolate_leader_every_ms),
    FIELD(halves_every_ms),
    FIELD(one_way_every_ms),
    FIELD(bridge_every_ms),
    FIELD(clog_every_ms),
    FIELD(slow_disk_every_ms),
    FIELD(disk_error_every_ms),
    FIELD(clock_jump_every_ms),
    FIELD(fill_disk_every_ms),
    FIELD(freeze_every_ms),
    FIELD(snapshot_every_ms),
    FIELD(leave_every_ms),
    FIELD(bit_rot_every_ms),
    FIELD(transfer_every_ms),
    FIELD(stop_leader_every_ms),
    FIELD(stall_disk_every_ms),
    FIELD(restart_voters_every_ms),
    FIELD(hold_answers_every_ms),
    FIELD(change_sender_every_ms),
    FIELD(stall_max_ms),
    FIELD(disk_step_down_ms),
    FIELD(disk_exit_ms),
    FIELD(churn_every_ms),
    FIELD(phantom_every_ms),
    FIELD(wipe_every_ms),
    FIELD(old_disk_every_ms),
    FIELD(forge_every_ms),
    FIELD(down_max_ms),
    FIELD(cut_max_ms),
    FIELD(crash_after_grant_ppm),
    FIELD(crash_after_win_ppm),
    FIELD(crash_after_append_ppm),
    FIELD(crash_after_commit_ppm),
    FIELD(crash_after_truncate_ppm),
    FIELD(crash_between_syncs_ppm),
    FIELD(crash_in_install_ppm),
    FIELD(fault_in_transfer_ppm),
    FIELD(damaged_chunk_ppm),
    FIELD(crash_in_change_ppm),
    FIELD(isolate_after_append_ppm),
    FIELD(isolate_after_win_ppm),
    FIELD(isolate_after_load_ppm),
    FIELD(overtake_load_ppm),
    FIELD(isolate_after_transfer_ppm),
    FIELD(trigger_delay_max_us),
    FIELD(clients),
    FIELD(think_max_ms),
    FIELD(client_timeout_ms),
    FIELD(keys),
    FIELD(named_ppm),
    FIELD(repeats_max),
    FIELD(weight_put),
    FIELD(weight_delete),
    FIELD(weight_cas),
    FIELD(weight_ttl),
    FIELD(weight_txn),
    FIELD(weight_kv_txn),
    FIELD(weight_counter),
    FIELD(weight_sequential),
    FIELD(weight_delete_prefix),
    FIELD(weight_get),
    FIELD(weight_list),
    FIELD(watchers),
    FIELD(watch_pause_max_ms),
    FIELD(watch_life_max_ms),
    FIELD(watch_slow_ppm),
    FIELD(watch_buffer_bytes),
    FIELD(watch_memory_bytes),
    FIELD(weight_export),
    FIELD(quiet_tail_ms),
};
#undef FIELD
static_assert(sizeof(RunOptions) == kFields.size() * sizeof(std::uint64_t), "every option is in the table");

}  // namespace

const char* ToString(Healing healing) {
  switch (healing) {
    case Healing::kAll: return "all";
    case Healing::kCoreDead: return "core, the others dead";
    case Healing::kCoreDeaf: return "core, the others deaf";
    case Healing::kCoreMute: return "core, the others mute";
    case Healing::kCount: break;
  }
  return "?";
}

std::vector<std::string> Describe(const RunOptions& options) {
  std::vector<std::string> lines;
  for (const Field& field : kFields) {
    lines.push_back(std::string(field.name) + "=" + std::to_string(options.*field.member));
  }
  return lines;
}

std::expected<void, std::string> Override(RunOptions& options, std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos)
    return std::unexpected("not of the form name=value: " + std::string(assignment));
  const std::string_view name = assignment.substr(0, equals);
  const std::string_view text = assignment.substr(equals + 1);
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return std::unexpected("not a number: " + std::string(text));
  }
  for (const Field& field : kFields) {
    if (field.name != name) continue;
    options.*field.member = value;
    return {};
  }
  return std::unexpected("no such option: " + std::string(name));
}

node::NodeOptions RunOptions::ToNodeOptions(NodeId id) const {
  node::NodeOptions result;
  result.raft.id = id;
  result.raft.heartbeat_interval = Duration::Millis(static_cast<std::int64_t>(heartbeat_ms));
  result.raft.election_timeout_min = Duration::Millis(static_cast<std::int64_t>(election_min_ms));
  result.raft.election_timeout_max = Duration::Millis(static_cast<std::int64_t>(election_max_ms));
  result.raft.append_entries_max = append_entries_max;
  result.raft.append_bytes_max = append_bytes_max;
  result.raft.inflight_max = inflight_max;
  result.raft.inflight_bytes_max = inflight_bytes_max;
  result.raft.log_cache.items_max = log_cache_items;
  result.raft.apply_bytes_max = apply_bytes_max;
  result.raft.uncommitted_bytes_max = uncommitted_bytes_max;
  result.raft.lease = lease != 0;
  result.raft.clock_drift_bound_ppm = static_cast<std::uint32_t>(lease_drift_ppm);
  result.raft.promote_timeout = Duration::Seconds(2);
  result.raft.farewell_timeout = Duration::Seconds(2);
  result.leader_wait = Duration::Millis(static_cast<std::int64_t>(leader_wait_ms));
  result.write_timeout = Duration::Millis(static_cast<std::int64_t>(write_timeout_ms));
  result.watch.buffer_bytes = watch_buffer_bytes;
  result.watch.memory_bytes = watch_memory_bytes;
  result.snapshot_logs_since_last = snapshot_logs;
  result.max_applied_log_to_keep = keep_logs;
  result.keep_for_peers_bytes = keep_for_peers_bytes;
  result.snapshot_chunk_bytes = snapshot_chunk_bytes * (mixed_chunks != 0 && id.value() % 2 == 0 ? 2 : 1);
  result.checkpoint_interval = checkpoint_interval;
  result.state_scrub_interval = Duration::Millis(static_cast<std::int64_t>(scrub_ms));
  result.snapshot_rate_bytes = snapshot_rate_bytes;
  result.snapshot_stall = Duration::Millis(static_cast<std::int64_t>(snapshot_stall_ms));
  result.snapshot_pin_keep = Duration::Millis(static_cast<std::int64_t>(snapshot_pin_ms));
  if (disk_step_down_ms > 0) {
    result.disk_step_down_after = Duration::Millis(static_cast<std::int64_t>(disk_step_down_ms));
  }
  if (disk_exit_ms > 0) result.disk_exit_after = Duration::Millis(static_cast<std::int64_t>(disk_exit_ms));
  result.disk_hand_over_pause = result.raft.election_timeout_min * 4;
  return result;
}

io::NetworkFaults RunOptions::ToNetworkFaults() const {
  io::NetworkFaults faults;
  faults.delay_min = Duration::Micros(static_cast<std::int64_t>(delay_min_us));
  faults.delay_max = Duration::Micros(static_cast<std::int64_t>(delay_max_us));
  faults.loss_ppm = static_cast<std::uint32_t>(loss_ppm);
  faults.duplicate_ppm = static_cast<std::uint32_t>(duplicate_ppm);
  faults.duplicate_delay_max = Duration::Millis(static_cast<std::int64_t>(duplicate_delay_ms));
  faults.reorder_ppm = static_cast<std::uint32_t>(reorder_ppm);
  faults.tail_ppm = static_cast<std::uint32_t>(tail_ppm);
  faults.tail_max = Duration::Millis(static_cast<std::int64_t>(tail_ms));
  return faults;
}

io::DiskFaults RunOptions::ToDiskFaults() const {
  io::DiskFaults faults;
  faults.sync_min = Duration::Micros(static_cast<std::int64_t>(sync_min_us));
  faults.sync_max = Duration::Micros(static_cast<std::int64_t>(sync_max_us));
  faults.flush_max = Duration::Micros(static_cast<std::int64_t>(flush_max_us));
  faults.read_slow_ppm = static_cast<std::uint32_t>(read_slow_ppm);
  faults.read_slow_max = Duration::Millis(static_cast<std::int64_t>(read_slow_max_ms));
  faults.slow_ppm = static_cast<std::uint32_t>(disk_slow_ppm);
  faults.slow_factor = static_cast<std::uint32_t>(disk_slow_factor);
  faults.torn_writes = torn_writes != 0;
  return faults;
}

}  // namespace metasrv::sim
