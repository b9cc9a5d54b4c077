#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "consensus/options.h"

namespace metasrv::node {

// Why a leader gives leadership away.
enum class HandOverReason : std::uint8_t { kOperator, kStopping, kSlowDisk, kFullDisk };

// How much watches may take of a node.
struct WatchLimits {
  bool on = true;
  std::size_t watches_max = 65536;
  std::size_t buffer_bytes = std::size_t{32} * 1024 * 1024;  // that may wait for one of them
  std::size_t memory_bytes =
      std::size_t{256} * 1024 * 1024;  // that may wait for all of them; shared messages count once
};

struct NodeOptions {
  RaftOptions raft;  // raft.id is the configured id; the id stored on disk wins
  Endpoint raft_advertise;
  std::optional<std::string> grpc_advertise;  // host:port published to clients
  bool single = false;                        // bootstrap a one-node cluster when the disk is empty
  std::vector<Endpoint> join;                 // members to ask for admission, in order
  bool learner = false;                       // join as a non-voting member
  Duration wait_leader_timeout = Duration::Seconds(180);

  // A write or read that finds no leader waits this long for one.
  Duration leader_wait = Duration::Seconds(2);
  // An accepted write is answered "unknown" after this long.
  Duration write_timeout = Duration::Seconds(20);

  // A write to the log that hangs for this long makes a leader step down, and no node campaigns while it lasts.
  Duration disk_step_down_after = Duration::Seconds(10);
  // ... and after this long the node ends; 0: never.
  Duration disk_exit_after = Duration::Seconds(60);
  // A leader with a slow disk tries to hand over no more often than this.
  Duration disk_hand_over_pause = Duration::Seconds(5);

  std::uint64_t snapshot_logs_since_last = 1024;  // flush the state after this many applied entries
  std::uint64_t flush_bytes = 64 * 1024 * 1024;   // ... or this many bytes of them
  // Entries alone do not cause a flush before this long after the last one began: under load, flushing costs more than
  // a few more entries to replay.
  Duration snapshot_pause;
  std::uint64_t max_applied_log_to_keep = 1000;  // entries kept behind the flushed state
  // A leader keeps more of them for peers that answer and lag behind, up to this many bytes.
  std::uint64_t keep_for_peers_bytes = 256 * 1024 * 1024;
  std::size_t snapshot_chunk_bytes = 1024 * 1024;
  std::uint64_t snapshot_rate_bytes = 0;            // per second, of outgoing transfers; 0: no limit
  Duration snapshot_stall = Duration::Seconds(20);  // a transfer without progress for so long is given up
  // What was pinned or staged waits so long for its resumption. Requires: longer than a piece takes at the rate.
  Duration snapshot_pin_keep = Duration::Seconds(600);
  std::uint64_t checkpoint_interval = 1000;                // entries between comparisons of states; 0: none
  Duration state_scrub_interval = Duration::Seconds(600);  // between passes over the rows; 0: none
  std::size_t command_bytes_max = 30 * 1024 * 1024;
  std::size_t pending_writes_max = 65536;
  std::size_t pending_bytes_max = 128 * 1024 * 1024;  // of these writes
  std::size_t pending_reads_max = 65536;
  std::size_t pending_changes_max = 1024;
  WatchLimits watch;

  // Free space of the data directory's disk: below `low` nothing is accepted that makes the state grow; below
  // `critical` this node neither leads nor stores entries (docs/STORAGE.md, Full disks). Requires: critical <= low.
  std::uint64_t disk_free_low = 512ULL * 1024 * 1024;
  std::uint64_t disk_free_critical = 256ULL * 1024 * 1024;
  Duration disk_check_interval = Duration::Millis(500);
};

}  // namespace metasrv::node
