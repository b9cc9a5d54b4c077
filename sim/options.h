#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "consensus/options.h"
#include "io/sim/draws.h"
#include "io/sim/faults.h"
#include "node/options.h"

namespace metasrv::sim {

// How the cluster must live on when the faults end (docs/SIMULATION.md, liveness).
enum class Healing : std::uint64_t {
  kAll,       // everybody returns, the network is whole
  kCoreDead,  // a random majority lives on, the others stay dead
  kCoreDeaf,  // ... the others run but hear nothing
  kCoreMute,  // ... the others run but are not heard
  kCount,
};
[[nodiscard]] const char* ToString(Healing healing);

// Every option of one run. All are plain numbers with the unit in the name, so that one table prints, parses and
// overrides them. Derived from the seed by name: overriding one changes no other.
struct RunOptions {
  std::uint64_t seed = 1;

  // The cluster.
  std::uint64_t nodes = 3;
  std::uint64_t learners = 0;           // of the nodes, the last ones join as learners for good
  std::uint64_t join_under_faults = 0;  // 1: faults begin while nodes still join
  std::uint64_t import_like = 0;        // 1: all nodes start as members, with disks that nobody has recorded
  std::uint64_t first_id = 1;           // of the nodes; the others follow
  std::uint64_t restore = 0;  // 1: an operator restores the cluster from a backup and it goes through all again
  std::uint64_t restore_after_ms = 1000;  // of faults, then somebody takes a backup
  std::uint64_t restore_lag_ms = 500;     // what the cluster does afterwards is lost
  std::uint64_t restore_nodes = 0;        // of the restored cluster, with other ids; 0: as before
  std::uint64_t heartbeat_ms = 50;
  std::uint64_t election_min_ms = 200;
  std::uint64_t election_max_ms = 400;
  std::uint64_t append_entries_max = 64;
  std::uint64_t append_bytes_max = 65536;
  std::uint64_t inflight_max = 8;
  std::uint64_t inflight_bytes_max = 8 << 20;
  std::uint64_t log_cache_items = 1'000'000;  // entries in memory; what is older is read back
  std::uint64_t apply_bytes_max = 4 << 20;
  std::uint64_t uncommitted_bytes_max = 64 << 20;
  std::uint64_t snapshot_logs = 64;
  std::uint64_t keep_logs = 16;
  std::uint64_t keep_for_peers_bytes = 0;
  std::uint64_t snapshot_chunk_bytes = 2048;
  std::uint64_t mixed_chunks = 0;         // 1: every second node cuts snapshots into larger pieces
  std::uint64_t snapshot_rate_bytes = 0;  // per second; 0: no limit
  std::uint64_t snapshot_stall_ms = 2000;
  std::uint64_t snapshot_pin_ms = 5000;
  std::uint64_t checkpoint_interval = 100;  // entries between comparisons of states
  std::uint64_t scrub_ms = 0;               // between passes over the rows; 0: none
  std::uint64_t leader_wait_ms = 300;
  std::uint64_t write_timeout_ms = 1500;

  std::uint64_t lease = 0;                // 1: leaders answer reads under a lease
  std::uint64_t lease_drift_ppm = 10000;  // the drift bound that nodes believe in; true unless drift_max_ppm is larger

  // Phases.
  std::uint64_t fault_ms = 8000;
  std::uint64_t heal_ms = 8000;
  std::uint64_t healing = 0;

  // The network.
  std::uint64_t delay_min_us = 200;
  std::uint64_t delay_max_us = 2000;
  std::uint64_t loss_ppm = 0;
  std::uint64_t duplicate_ppm = 0;
  std::uint64_t duplicate_delay_ms = 50;
  std::uint64_t reorder_ppm = 0;
  std::uint64_t tail_ppm = 0;
  std::uint64_t tail_ms = 200;

  // Disks.
  std::uint64_t sync_min_us = 100;
  std::uint64_t sync_max_us = 2000;
  std::uint64_t flush_max_us = 5000;
  std::uint64_t disk_slow_ppm = 0;
  std::uint64_t disk_slow_factor = 20;
  std::uint64_t torn_writes = 1;
  std::uint64_t read_slow_ppm = 0;  // reads of log entries that take up to read_slow_max_ms
  std::uint64_t read_slow_max_ms = 100;

  // Clocks.
  std::uint64_t drift_max_ppm = 0;
  std::uint64_t wall_skew_max_ms = 0;

  // Faults over time: mean time between two of a kind; 0 = off.
  std::uint64_t crash_every_ms = 0;
  std::uint64_t crash_all_every_ms = 0;
  std::uint64_t pause_every_ms = 0;
  std::uint64_t isolate_every_ms = 0;
  std::uint64_t isolate_leader_every_ms = 0;
  std::uint64_t halves_every_ms = 0;
  std::uint64_t one_way_every_ms = 0;
  std::uint64_t bridge_every_ms = 0;
  std::uint64_t clog_every_ms = 0;
  std::uint64_t slow_disk_every_ms = 0;
  std::uint64_t disk_error_every_ms = 0;
  std::uint64_t clock_jump_every_ms = 0;
  std::uint64_t fill_disk_every_ms = 0;
  std::uint64_t snapshot_every_ms = 0;        // an operator triggers snapshots
  std::uint64_t leave_every_ms = 0;           // an operator removes nodes
  std::uint64_t bit_rot_every_ms = 0;         // a row of one node's state changes by itself
  std::uint64_t transfer_every_ms = 0;        // an operator moves leadership
  std::uint64_t stop_leader_every_ms = 0;     // the leader is stopped in good order
  std::uint64_t stall_disk_every_ms = 0;      // a disk hangs, mostly the leader's
  std::uint64_t restart_voters_every_ms = 0;  // voters restart while one who does not hear the leader campaigns
  std::uint64_t hold_answers_every_ms = 0;    // the answers to a leader's round come late, and then none
  std::uint64_t change_sender_every_ms = 0;   // a node is filled again and loses its sender meanwhile
  std::uint64_t stall_max_ms = 2000;          // how long one hangs
  std::uint64_t disk_step_down_ms = 0;        // the node's patience with its disk; 0: as in production
  std::uint64_t disk_exit_ms = 0;
  std::uint64_t down_max_ms = 1500;     // how long a crashed node stays down
  std::uint64_t cut_max_ms = 2000;      // how long a partition, a pause or a slow disk lasts
  std::uint64_t freeze_every_ms = 0;    // a machine sleeps or is frozen, with its clocks
  std::uint64_t churn_every_ms = 0;     // an operator shrinks the cluster to one node and grows it again
  std::uint64_t phantom_every_ms = 0;   // an operator lets nodes join that cannot be reached
  std::uint64_t wipe_every_ms = 0;      // a disk is replaced by an empty one
  std::uint64_t old_disk_every_ms = 0;  // ... and the old one is put back in
  std::uint64_t forge_every_ms = 0;     // a node of another cluster speaks up

  // Faults on protocol state: probability at each occasion, in parts per million.
  std::uint64_t crash_after_grant_ppm = 0;
  std::uint64_t crash_after_win_ppm = 0;
  std::uint64_t crash_after_append_ppm = 0;
  std::uint64_t crash_after_commit_ppm = 0;
  std::uint64_t crash_after_truncate_ppm = 0;
  std::uint64_t crash_between_syncs_ppm = 0;
  std::uint64_t crash_in_install_ppm = 0;
  std::uint64_t fault_in_transfer_ppm = 0;  // for each piece of a snapshot that arrives
  std::uint64_t damaged_chunk_ppm = 0;      // likewise
  std::uint64_t crash_in_change_ppm = 0;    // somebody who has just appended a membership
  std::uint64_t isolate_after_append_ppm = 0;
  std::uint64_t isolate_after_win_ppm = 0;
  std::uint64_t isolate_after_load_ppm = 0;
  std::uint64_t overtake_load_ppm = 0;  // a leader that reads back what is not committed
  std::uint64_t isolate_after_transfer_ppm = 0;
  std::uint64_t trigger_delay_max_us = 4000;

  // Clients.
  std::uint64_t clients = 3;
  std::uint64_t think_max_ms = 60;
  std::uint64_t client_timeout_ms = 800;
  std::uint64_t keys = 6;
  std::uint64_t named_ppm = 0;    // writes that carry a request id and are tried again under it
  std::uint64_t repeats_max = 3;  // ... up to so often
  std::uint64_t weight_put = 4;
  std::uint64_t weight_delete = 1;
  std::uint64_t weight_cas = 3;
  std::uint64_t weight_ttl = 1;
  std::uint64_t weight_txn = 3;
  std::uint64_t weight_kv_txn = 1;
  std::uint64_t weight_counter = 2;
  std::uint64_t weight_sequential = 1;
  std::uint64_t weight_delete_prefix = 1;
  std::uint64_t weight_get = 5;
  std::uint64_t weight_list = 2;
  std::uint64_t watchers = 2;              // clients that watch
  std::uint64_t watch_pause_max_ms = 300;  // between two watches of one client
  std::uint64_t watch_life_max_ms = 3000;  // after this long a watch is given up; 0: never
  std::uint64_t watch_slow_ppm = 0;        // watches whose client takes long for each message
  std::uint64_t watch_buffer_bytes = 8 << 20;
  std::uint64_t watch_memory_bytes = 256 << 20;
  std::uint64_t weight_export = 0;  // of 40 requests
  std::uint64_t quiet_tail_ms = 0;  // clients rest for this long before the faults end

  [[nodiscard]] Healing healing_mode() const { return static_cast<Healing>(healing); }
  [[nodiscard]] node::NodeOptions ToNodeOptions(NodeId id) const;
  [[nodiscard]] io::NetworkFaults ToNetworkFaults() const;
  [[nodiscard]] io::DiskFaults ToDiskFaults() const;
};

// All options of a seed: a swarm, in which every fault kind is off in some runs and mild or wild in others.
[[nodiscard]] RunOptions DeriveOptions(std::uint64_t seed);

// "name=value" of every option, in order.
[[nodiscard]] std::vector<std::string> Describe(const RunOptions& options);

// Sets one option from "name=value".
// Errors: what is wrong with it.
[[nodiscard]] std::expected<void, std::string> Override(RunOptions& options, std::string_view assignment);

}  // namespace metasrv::sim
