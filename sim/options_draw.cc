// How a seed decides the options of its run.
#include <algorithm>
#include <array>

#include "sim/options.h"

namespace metasrv::sim {
namespace {

// Draws each option under its own name.
class Deriver {
 public:
  explicit Deriver(std::uint64_t seed) : draws_(seed) {}

  std::uint64_t Between(std::string_view name, std::uint64_t low, std::uint64_t high) {
    return draws_.BetweenAt(io::DrawKind("option"), io::DrawKind::IdOf(name), 0, low, high);
  }
  bool Chance(std::string_view name, std::uint32_t ppm) {
    return draws_.ChanceAt(io::DrawKind("option.on"), io::DrawKind::IdOf(name), 0, ppm);
  }
  // 0 unless switched on, with probability `ppm`.
  std::uint64_t Maybe(std::string_view name, std::uint32_t ppm, std::uint64_t low, std::uint64_t high) {
    return Chance(name, ppm) ? Between(name, low, high) : 0;
  }
  // As Maybe, over several orders of magnitude: first the magnitude, then the value.
  std::uint64_t MaybeWide(std::string_view name, std::uint32_t ppm, std::uint64_t low, std::uint64_t high) {
    if (!Chance(name, ppm)) return 0;
    std::uint64_t top = high;
    for (std::uint64_t halvings = Between(name, 0, 5); halvings > 0 && top / 2 > low; --halvings) top /= 2;
    return draws_.BetweenAt(io::DrawKind("option.value"), io::DrawKind::IdOf(name), 0, low, top);
  }
  template <std::size_t kCount>
  std::uint64_t Pick(std::string_view name, const std::array<std::uint64_t, kCount>& choices) {
    return choices[Between(name, 0, kCount - 1)];
  }

 private:
  io::Draws draws_;
};

void DeriveCluster(Deriver& draw, RunOptions& o) {
  o.nodes = draw.Pick("nodes", std::array<std::uint64_t, 16>{1, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 5, 5, 5});
  o.learners = o.nodes >= 4 ? draw.Maybe("learners", 150'000, 1, 1) : 0;
  o.join_under_faults = draw.Maybe("join_under_faults", 250'000, 1, 1);
  o.import_like = draw.Maybe("import_like", 80'000, 1, 1);
  o.restore = draw.Maybe("restore", 60'000, 1, 1);
  o.restore_after_ms = draw.Pick("restore_after_ms", std::array<std::uint64_t, 5>{0, 100, 500, 1500, 4000});
  o.restore_lag_ms = draw.Pick("restore_lag_ms", std::array<std::uint64_t, 3>{0, 200, 1000});
  o.restore_nodes = draw.Pick("restore_nodes", std::array<std::uint64_t, 7>{0, 0, 0, 1, 2, 3, 5});
  o.heartbeat_ms = draw.Between("heartbeat_ms", 40, 80);
  o.election_min_ms = o.heartbeat_ms * draw.Between("election_min_ms", 3, 5);
  o.election_max_ms = o.election_min_ms * 3 / 2 + draw.Between("election_max_ms", 0, o.election_min_ms);
  o.append_entries_max = draw.Pick("append_entries_max", std::array<std::uint64_t, 5>{1, 2, 4, 32, 300});
  o.append_bytes_max = draw.Pick("append_bytes_max", std::array<std::uint64_t, 4>{64, 512, 65536, 1 << 20});
  o.inflight_max = draw.Pick("inflight_max", std::array<std::uint64_t, 5>{1, 2, 4, 16, 64});
  if (draw.Chance("inflight_bytes_max", 250'000)) o.inflight_bytes_max = draw.Between("inflight_bytes_max", 1, 2000);
  if (draw.Chance("log_cache_items", 350'000)) {
    o.log_cache_items = draw.Pick("log_cache_items", std::array<std::uint64_t, 4>{0, 1, 4, 32});
    o.apply_bytes_max = draw.Between("apply_bytes_max", 1, 2000);
  }
  if (draw.Chance("uncommitted_bytes_max", 250'000)) {
    o.uncommitted_bytes_max = draw.Between("uncommitted_bytes_max", 1, 1000);
  }
  o.snapshot_logs = draw.Pick("snapshot_logs", std::array<std::uint64_t, 6>{8, 16, 32, 64, 128, 1024});
  o.keep_logs = draw.Pick("keep_logs", std::array<std::uint64_t, 5>{0, 2, 8, 32, 1000});
  o.keep_for_peers_bytes = draw.Maybe("keep_for_peers_bytes", 250'000, 1000, 100'000);
  o.snapshot_chunk_bytes = draw.Pick("snapshot_chunk_bytes", std::array<std::uint64_t, 5>{32, 64, 256, 4096, 1 << 20});
  o.mixed_chunks = draw.Maybe("mixed_chunks", 200'000, 1, 1);
  o.snapshot_rate_bytes = draw.MaybeWide("snapshot_rate_bytes", 300'000, 20'000, 500'000);
  o.snapshot_stall_ms = o.heartbeat_ms * draw.Between("snapshot_stall_ms", 10, 40);
  o.snapshot_pin_ms = draw.Pick("snapshot_pin_ms", std::array<std::uint64_t, 4>{100, 1000, 5000, 60000});
  // What was collected is kept for longer than the largest pieces are apart.
  constexpr std::uint64_t kMixedChunks = 2;
  const std::uint64_t piece_ms =
      kMixedChunks * o.snapshot_chunk_bytes * 1000 / std::max<std::uint64_t>(o.snapshot_rate_bytes, 1);
  if (o.snapshot_rate_bytes > 0) o.snapshot_pin_ms = std::max(o.snapshot_pin_ms, 2 * piece_ms);
  o.checkpoint_interval = draw.Pick("checkpoint_interval", std::array<std::uint64_t, 5>{1, 3, 10, 50, 1000});
  o.scrub_ms = draw.Maybe("scrub_ms", 300'000, 100, 1500);
  o.leader_wait_ms = draw.Between("leader_wait_ms", 50, 600);
  o.write_timeout_ms = draw.Between("write_timeout_ms", 500, 3000);
}

void DeriveNetwork(Deriver& draw, RunOptions& o) {
  o.delay_min_us = draw.Between("delay_min_us", 50, 500);
  o.delay_max_us =
      o.delay_min_us + draw.Pick("delay_max_us", std::array<std::uint64_t, 5>{200, 1000, 3000, 8000, 20000});
  o.loss_ppm = draw.MaybeWide("loss_ppm", 500'000, 1000, 200'000);
  o.duplicate_ppm = draw.MaybeWide("duplicate_ppm", 500'000, 1000, 200'000);
  o.duplicate_delay_ms = draw.Pick("duplicate_delay_ms", std::array<std::uint64_t, 4>{5, 50, 500, 3000});
  o.reorder_ppm = draw.MaybeWide("reorder_ppm", 400'000, 1000, 300'000);
  o.tail_ppm = draw.MaybeWide("tail_ppm", 400'000, 500, 50'000);
  o.tail_ms = draw.Between("tail_ms", 20, 800);
}

void DeriveDiskAndClock(Deriver& draw, RunOptions& o) {
  o.sync_min_us = draw.Between("sync_min_us", 20, 500);
  o.sync_max_us = o.sync_min_us + draw.Pick("sync_max_us", std::array<std::uint64_t, 4>{100, 1000, 5000, 20000});
  o.flush_max_us = draw.Between("flush_max_us", 1000, 30000);
  o.disk_slow_ppm = draw.MaybeWide("disk_slow_ppm", 300'000, 500, 50'000);
  o.disk_slow_factor = draw.Between("disk_slow_factor", 5, 50);
  o.torn_writes = draw.Between("torn_writes", 0, 1);
  o.read_slow_ppm = draw.MaybeWide("read_slow_ppm", 500'000, 1000, 600'000);
  o.read_slow_max_ms = draw.Pick("read_slow_max_ms", std::array<std::uint64_t, 4>{5, 50, 300, 1500});
  o.drift_max_ppm = draw.MaybeWide("drift_max_ppm", 300'000, 100, 50'000);
  o.lease = draw.Maybe("lease", 400'000, 1, 1);
  o.lease_drift_ppm = std::max<std::uint64_t>(10'000, o.drift_max_ppm);
  o.wall_skew_max_ms = draw.MaybeWide("wall_skew_max_ms", 400'000, 1, 5000);
}

void DeriveTimedFaults(Deriver& draw, RunOptions& o) {
  o.crash_every_ms = draw.Maybe("crash_every_ms", 500'000, 500, 4000);
  o.crash_all_every_ms = draw.Maybe("crash_all_every_ms", 250'000, 1500, 8000);
  o.pause_every_ms = draw.Maybe("pause_every_ms", 250'000, 500, 4000);
  o.isolate_every_ms = draw.Maybe("isolate_every_ms", 300'000, 500, 4000);
  o.isolate_leader_every_ms = draw.Maybe("isolate_leader_every_ms", 400'000, 300, 3000);
  o.halves_every_ms = draw.Maybe("halves_every_ms", 250'000, 500, 4000);
  o.one_way_every_ms = draw.Maybe("one_way_every_ms", 250'000, 500, 4000);
  o.bridge_every_ms = draw.Maybe("bridge_every_ms", 150'000, 500, 4000);
  o.clog_every_ms = draw.Maybe("clog_every_ms", 250'000, 300, 3000);
  o.slow_disk_every_ms = draw.Maybe("slow_disk_every_ms", 250'000, 500, 4000);
  o.disk_error_every_ms = draw.Maybe("disk_error_every_ms", 100'000, 2000, 8000);
  o.clock_jump_every_ms = draw.Maybe("clock_jump_every_ms", 250'000, 500, 4000);
  o.fill_disk_every_ms = draw.Maybe("fill_disk_every_ms", 200'000, 500, 4000);
  o.freeze_every_ms = draw.Maybe("freeze_every_ms", 250'000, 500, 4000);
  o.snapshot_every_ms = draw.Maybe("snapshot_every_ms", 300'000, 200, 3000);
  o.leave_every_ms = draw.Maybe("leave_every_ms", 250'000, 400, 4000);
  o.churn_every_ms = draw.Maybe("churn_every_ms", 120'000, 150, 1200);
  o.phantom_every_ms = draw.Maybe("phantom_every_ms", 60'000, 500, 4000);
  o.wipe_every_ms = draw.Maybe("wipe_every_ms", 200'000, 500, 4000);
  o.old_disk_every_ms = draw.Maybe("old_disk_every_ms", 600'000, 300, 3000);
  o.forge_every_ms = draw.Maybe("forge_every_ms", 60'000, 200, 4000);
  o.down_max_ms = draw.Pick("down_max_ms", std::array<std::uint64_t, 4>{50, 300, 1000, 3000});
  o.cut_max_ms = draw.Pick("cut_max_ms", std::array<std::uint64_t, 4>{200, 600, 1500, 4000});
}

void DeriveLeadershipFaults(Deriver& draw, RunOptions& o) {
  o.transfer_every_ms = draw.Maybe("transfer_every_ms", 300'000, 200, 3000);
  o.stop_leader_every_ms = draw.Maybe("stop_leader_every_ms", 200'000, 800, 4000);
  o.isolate_after_transfer_ppm = draw.MaybeWide("isolate_after_transfer_ppm", 300'000, 20'000, 600'000);
  o.stall_disk_every_ms = draw.Maybe("stall_disk_every_ms", 200'000, 800, 4000);
  o.stall_max_ms = draw.Pick("stall_max_ms", std::array<std::uint64_t, 3>{500, 2000, 5000});
  o.hold_answers_every_ms = draw.Maybe("hold_answers_every_ms", o.lease != 0 ? 350'000 : 50'000, 300, 3000);
  o.change_sender_every_ms = draw.Maybe("change_sender_every_ms", 250'000, 300, 2500);
  if (o.change_sender_every_ms > 0) {  // who was down is filled by a snapshot, not from the log
    o.keep_logs = std::min<std::uint64_t>(o.keep_logs, 2);
    o.keep_for_peers_bytes = 0;
    o.snapshot_chunk_bytes = std::min<std::uint64_t>(o.snapshot_chunk_bytes, 64);
    o.mixed_chunks = draw.Maybe("mixed_chunks", 850'000, 1, 1);
  }
  o.restart_voters_every_ms = draw.Maybe("restart_voters_every_ms", o.lease != 0 ? 300'000 : 50'000, 800, 4000);
  if (o.stall_disk_every_ms == 0) return;
  o.disk_step_down_ms = draw.Between("disk_step_down_ms", 300, 1500);
  o.disk_exit_ms = o.disk_step_down_ms + draw.Between("disk_exit_ms", 300, 3000);
}

void DeriveTriggers(Deriver& draw, RunOptions& o) {
  o.crash_after_grant_ppm = draw.MaybeWide("crash_after_grant_ppm", 350'000, 20'000, 700'000);
  o.crash_after_win_ppm = draw.MaybeWide("crash_after_win_ppm", 350'000, 20'000, 700'000);
  o.crash_after_append_ppm = draw.MaybeWide("crash_after_append_ppm", 300'000, 500, 40'000);
  o.crash_after_commit_ppm = draw.MaybeWide("crash_after_commit_ppm", 300'000, 500, 30'000);
  o.crash_after_truncate_ppm = draw.MaybeWide("crash_after_truncate_ppm", 300'000, 50'000, 900'000);
  o.crash_between_syncs_ppm = draw.MaybeWide("crash_between_syncs_ppm", 300'000, 200, 10'000);
  o.crash_in_install_ppm = draw.MaybeWide("crash_in_install_ppm", 200'000, 50'000, 600'000);
  o.fault_in_transfer_ppm = draw.MaybeWide("fault_in_transfer_ppm", 500'000, 20'000, 500'000);
  o.damaged_chunk_ppm = draw.MaybeWide("damaged_chunk_ppm", 150'000, 5'000, 200'000);
  o.crash_in_change_ppm = draw.MaybeWide("crash_in_change_ppm", 250'000, 20'000, 500'000);
  o.isolate_after_append_ppm = draw.MaybeWide("isolate_after_append_ppm", 300'000, 500, 40'000);
  o.isolate_after_win_ppm = draw.MaybeWide("isolate_after_win_ppm", 300'000, 20'000, 600'000);
  o.isolate_after_load_ppm = draw.MaybeWide("isolate_after_load_ppm", 300'000, 20'000, 600'000);
  o.overtake_load_ppm = draw.MaybeWide("overtake_load_ppm", 300'000, 20'000, 600'000);
  o.trigger_delay_max_us = draw.Pick("trigger_delay_max_us", std::array<std::uint64_t, 4>{10, 500, 4000, 20000});
}

void DeriveClients(Deriver& draw, RunOptions& o) {
  o.clients = draw.Between("clients", 1, 5);
  o.think_max_ms = draw.Pick("think_max_ms", std::array<std::uint64_t, 4>{15, 50, 120, 400});
  o.client_timeout_ms = draw.Between("client_timeout_ms", 100, 2000);
  o.keys = draw.Between("keys", 1, 12);
  o.named_ppm = draw.MaybeWide("named_ppm", 600'000, 50'000, 1'000'000);
  o.repeats_max = draw.Between("repeats_max", 1, 5);
  o.weight_put = draw.Between("weight_put", 0, 6);
  o.weight_cas = draw.Between("weight_cas", 0, 6);
  o.weight_txn = draw.Between("weight_txn", 0, 6);
  o.weight_get = draw.Between("weight_get", 0, 6);
  o.weight_list = draw.Between("weight_list", 0, 6);
  o.weight_counter = draw.Between("weight_counter", 0, 6);
  o.weight_put += 1;  // there is always something to write
  o.weight_delete = draw.Between("weight_delete", 0, 3);
  o.weight_ttl = draw.Between("weight_ttl", 0, 3);
  o.weight_kv_txn = draw.Between("weight_kv_txn", 0, 3);
  o.weight_sequential = draw.Between("weight_sequential", 0, 2);
  o.weight_delete_prefix = draw.Between("weight_delete_prefix", 0, 1);
  o.weight_export = draw.Maybe("weight_export", 300'000, 1, 3);
  o.quiet_tail_ms = draw.Maybe("quiet_tail_ms", 200'000, 500, 3000);
}

void DeriveWatchers(Deriver& draw, RunOptions& o) {
  o.watchers = draw.Between("watchers", 0, 6);
  o.watch_pause_max_ms = draw.Pick("watch_pause_max_ms", std::array<std::uint64_t, 3>{5, 100, 1000});
  o.watch_life_max_ms = draw.Pick("watch_life_max_ms", std::array<std::uint64_t, 4>{0, 50, 500, 5000});
  o.watch_slow_ppm = draw.MaybeWide("watch_slow_ppm", 500'000, 50'000, 1'000'000);
  o.watch_buffer_bytes = draw.Pick("watch_buffer_bytes", std::array<std::uint64_t, 3>{400, 4000, 8 << 20});
  o.watch_memory_bytes = draw.Pick("watch_memory_bytes", std::array<std::uint64_t, 4>{800, 6000, 8 << 20, 8 << 20});
}

// A wrong state needs a healthy majority to be noticed by and repaired from.
void DeriveBitRot(Deriver& draw, RunOptions& o) {
  if (o.nodes - o.learners < 3) return;
  o.bit_rot_every_ms = draw.Maybe("bit_rot_every_ms", 100'000, 500, 4000);
  if (o.bit_rot_every_ms == 0) return;
  o.scrub_ms = draw.Between("scrub_ms", 100, 2000);
  o.leave_every_ms = o.churn_every_ms = 0;
  o.healing = static_cast<std::uint64_t>(Healing::kAll);
}

// Some runs are dull, because some bugs hide behind chaos.
void Calm(Deriver& draw, RunOptions& o) {
  const std::uint64_t calm = draw.Between("calm", 0, 11);
  if (calm == 0 || calm == 1) {  // no faults over time
    o.crash_every_ms = o.crash_all_every_ms = o.pause_every_ms = o.isolate_every_ms = o.halves_every_ms = 0;
    o.one_way_every_ms = o.bridge_every_ms = o.clog_every_ms = o.isolate_leader_every_ms = 0;
    o.slow_disk_every_ms = o.disk_error_every_ms = o.clock_jump_every_ms = o.freeze_every_ms = 0;
    o.fill_disk_every_ms = 0;
    o.stop_leader_every_ms = o.stall_disk_every_ms = o.hold_answers_every_ms = 0;
    o.restart_voters_every_ms = o.change_sender_every_ms = 0;
  }
  if (calm == 1 || calm == 2) {  // no faults on protocol state
    o.crash_after_grant_ppm = o.crash_after_win_ppm = o.crash_after_append_ppm = o.crash_after_commit_ppm = 0;
    o.crash_after_truncate_ppm = o.crash_between_syncs_ppm = o.crash_in_install_ppm = 0;
    o.crash_in_change_ppm = o.fault_in_transfer_ppm = 0;
    o.isolate_after_append_ppm = o.isolate_after_win_ppm = o.isolate_after_load_ppm = 0;
    o.isolate_after_transfer_ppm = o.overtake_load_ppm = 0;
  }
  if (calm == 1 || calm == 3) {  // a kind network
    o.loss_ppm = o.duplicate_ppm = o.reorder_ppm = o.tail_ppm = 0;
  }
}

}  // namespace

RunOptions DeriveOptions(std::uint64_t seed) {
  Deriver draw(seed);
  RunOptions options;
  options.seed = seed;
  DeriveCluster(draw, options);
  options.fault_ms = draw.Between("fault_ms", 3000, 9000);
  options.healing = draw.Between("healing", 0, static_cast<std::uint64_t>(Healing::kCount) - 1);
  DeriveNetwork(draw, options);
  DeriveDiskAndClock(draw, options);
  DeriveTimedFaults(draw, options);
  DeriveLeadershipFaults(draw, options);
  DeriveTriggers(draw, options);
  DeriveClients(draw, options);
  DeriveWatchers(draw, options);
  Calm(draw, options);
  DeriveBitRot(draw, options);
  return options;
}

}  // namespace metasrv::sim
