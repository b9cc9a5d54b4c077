#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "node/context.h"

namespace metasrv::node {

// Judges the log's disk by how long writes take, also by those that never complete (design: the disk ladder). Looks at
// the clock while a write is outstanding, every quarter of an election timeout; a step counts for no more than two such
// quarters, so that time for which the whole process stood still is not held against the disk.
//
//   a write hangs, or writes take on average, longer than half an election timeout    kSlow
//   a write hangs for longer than disk_step_down_after                                kStalled
//   ... than disk_exit_after                                                          the node can not go on
//
// An average that was bad has to fall to half of that to be good again; it also falls while nothing is written.
class DiskWatch {
 public:
  struct Listener {
    std::function<void(DiskLevel level)> on_level;               // it changed
    std::function<void()> on_slow;                               // at each look while it is not kOk
    std::function<void(const std::string& reason)> on_hopeless;  // the last word
  };
  DiskWatch(Context& context, Listener listener);

  // The log store was given a write; writes complete in order.
  void OnIssued();
  void OnDone();
  void Stop();

  [[nodiscard]] DiskLevel level() const { return level_; }

 private:
  [[nodiscard]] Duration SlowAfter() const { return context_.options.raft.election_timeout_min / 2; }
  [[nodiscard]] Duration Pause() const { return context_.options.raft.election_timeout_min / 4; }
  [[nodiscard]] DiskLevel Judge() const;
  void AddSample(Duration latency);
  void Look();
  void Refresh();

  Context& context_;
  Listener listener_;
  Timer timer_;
  std::deque<Instant> outstanding_;  // when each was issued
  Duration waited_;                  // for the oldest one, as far as it was observed
  Instant looked_at_;
  Duration average_;
  DiskLevel level_ = DiskLevel::kOk;
  bool timer_runs_ = false;
};

}  // namespace metasrv::node
