#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace metasrv::sim {

// Rare or wanted situations that a run can get into. A sweep sums them up: what is never reached is not tested.
// clang-format off
#define METASIM_PROBES(X)                                                                                       \
  X(elections) X(leader_stepped_down) X(votes_granted) X(log_truncated) X(log_purged) X(snapshot_sent)          \
  X(snapshot_installed) X(membership_joint) X(membership_done) X(node_joined) X(join_retried) X(node_left)      \
  X(node_rejoined) X(change_queued) X(change_cut_off) X(promoted_lagging) X(join_gave_up)                         \
  X(joint_left_by_other) X(leader_removed_itself) X(leave_refused_for_quorum) X(removed_was_told)               \
  X(removed_was_not_told) X(crash_in_change) X(phantom_join) X(churn_to_one) X(churn_to_all)                    \
  X(crash) X(crash_leader) X(crash_all) X(crash_lost_writes) X(crash_after_grant)              \
  X(crash_after_win) X(crash_after_append) X(crash_after_commit) X(crash_after_truncate) X(crash_between_syncs) \
  X(crash_in_install) X(isolate_after_append) X(isolate_after_win) X(isolate_after_load) X(graceful_stop) X(process_kill) X(pause)    \
  X(isolate) X(isolate_leader) X(halves) X(one_way) X(bridge) X(clog) X(slow_disk) X(disk_error) X(node_fatal)  \
  X(clock_jump) X(snapshot_triggered) X(vote_checked) X(ack_checked) X(snapshot_ack_checked) X(write_acked)     \
  X(write_refused) X(write_unknown) X(unknown_was_applied) X(write_forwarded) X(read_served) X(read_refused)    \
  X(lease_read) X(lease_missed) X(lease_dropped_by_clock) X(lease_dropped_by_transfer) X(vote_refused_after_start) X(sleep) X(freeze)          \
  X(write_repeated) X(write_repeated_elsewhere) X(repeat_recognized)                                            \
  X(op_get) X(op_put) X(op_delete) X(op_delete_by_prefix) X(op_fetch_increase) X(op_put_sequential)              \
  X(expired_on_arrival) X(upsert_refused) X(branch_taken) X(list_cut_short) X(read_streamed) X(stream_broken)    \
  X(export_checked) X(follower_read) X(client_gave_up) X(record_expired) X(read_hid_expired) X(messages_lost)                     \
  X(proposal_refused) X(space_low) X(space_critical) X(space_hand_over) X(space_again) X(growth_refused) X(relief_passed)          \
  X(loaded_for_peer) X(loaded_to_apply) X(load_purged) X(load_held) X(load_replaced)                                         \
  X(messages_duplicated) X(ghosts) X(healed_all) X(healed_core_dead) X(healed_core_deaf) X(healed_core_mute)          \
  X(snapshot_queued) X(snapshot_resumed) X(snapshot_resumed_after_restart) X(snapshot_resumed_from_other)        \
  X(snapshot_restarted) X(snapshot_chunk_damaged) X(crash_in_transfer) X(cut_in_transfer) X(sender_lost)  \
  X(bit_rot) X(quarantined) X(quarantined_leader) X(resynced) X(quarantine_survived_restart) X(state_scrubbed)   \
  X(divergence_seen) X(snapshot_doubted) \
  X(transfer_accepted) X(transfer_refused) X(transfer_started) X(transfer_done) X(transfer_deposed)             \
  X(transfer_timed_out) X(timeout_now) X(write_held) X(stop_hand_over) X(stop_handed_over) X(answers_held) X(voters_restarted) X(disk_stalled)      \
  X(stall_hand_over) X(stall_step_down) X(stall_exit) X(slow_node_waited) X(isolate_after_transfer) \
  X(disk_wiped) X(old_disk_returned) X(old_disk_refused) X(silent_disk_refused) X(voter_refilled) X(vote_refused_by_disk)              \
  X(watch_begun) X(watch_of_one_key) X(watch_on_follower) X(watch_on_learner) X(watch_begun_in_batch)            \
  X(watch_event) X(watch_flushed) X(watch_flush_overtaken) X(watch_drained) X(watch_cancelled) X(watch_cut_off)   \
  X(watch_too_slow) X(watch_no_memory) X(watch_state_replaced) X(watch_state_wrong) X(watch_stopped)              \
  X(watch_refused) X(watch_untrusted)                                                                             \
  X(backup_taken) X(backup_of_leader) X(backup_with_uncommitted) X(restored_same_ids) X(restored_other_ids) X(restored_tail_applied) \
  X(answer_of_other_disk) X(disks_recorded) X(disk_replaced_in_pair) X(message_forged) X(foreign_cluster)
// clang-format on

enum class Probe : std::uint8_t {
#define X(name) k_##name,
  METASIM_PROBES(X)
#undef X
      kCount
};

inline constexpr std::array<const char*, static_cast<std::size_t>(Probe::kCount)> kProbeNames = {
#define X(name) #name,
    METASIM_PROBES(X)
#undef X
};

// Hit counters of one run or of a whole sweep.
class Probes {
 public:
  void Hit(Probe probe, std::uint64_t count = 1) { counts_[static_cast<std::size_t>(probe)] += count; }
  [[nodiscard]] std::uint64_t operator[](Probe probe) const { return counts_[static_cast<std::size_t>(probe)]; }

  using Counts = std::array<std::uint64_t, static_cast<std::size_t>(Probe::kCount)>;
  [[nodiscard]] const Counts& counts() const { return counts_; }
  void Add(const Counts& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other[i];
  }

 private:
  Counts counts_{};
};

}  // namespace metasrv::sim
