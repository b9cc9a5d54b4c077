#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "common/time.h"
#include "consensus/message.h"
#include "consensus/types.h"

namespace metasrv {

// What a leader knows of one other member.
//
//   kProbe: the common prefix is not known; one append at a time.   --success--> kReplicate
//   kReplicate: appends are sent ahead of their answers.            --refusal--> kProbe
//   kSnapshot: it needs entries that are gone; a state transfer runs. --ended--> kProbe
class Progress {
 public:
  enum class Mode : std::uint8_t { kProbe, kReplicate, kSnapshot };

  // Nothing is known yet; the first probe starts at `next`.
  Progress(LogIndex next, Instant now) : next_(next), last_heard_(now) {}

  [[nodiscard]] Mode mode() const { return mode_; }
  [[nodiscard]] LogIndex match_end() const { return match_end_; }  // entries proven equal
  [[nodiscard]] LogIndex next() const { return next_; }            // first entry to send
  [[nodiscard]] Instant last_heard() const { return last_heard_; }
  [[nodiscard]] std::uint64_t round() const { return round_; }  // highest confirmation round answered

  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }  // of the disk that answers; 0: none has yet

  // Whether another append may go out: at most `count_max` unanswered ones, and none beyond the one that reaches
  // `bytes_max`. However large one entry is, it goes when nothing is in flight.
  [[nodiscard]] bool CanSend(std::size_t count_max, std::size_t bytes_max) const;

  [[nodiscard]] LogIndex commit_told() const { return commit_told_; }  // newest commit point sent to it

  [[nodiscard]] DiskLevel disk() const { return disk_; }  // as the member last reported it

  void Heard(Instant now, std::uint64_t round);
  void ReportedDisk(DiskLevel level) { disk_ = level; }
  // The disk that the last answer came from, when it does not count; 0 when it does.
  [[nodiscard]] Incarnation stranger() const { return stranger_; }
  void ForgetStranger() { stranger_ = {}; }
  // An answer came from a disk that does not count. Returns whether it was the last one to do so.
  [[nodiscard]] bool NoteStranger(Incarnation disk) { return std::exchange(stranger_, disk) == disk; }
  void SetIncarnation(Incarnation disk) { incarnation_ = disk; }  // Requires: nothing was acknowledged by another
  // Another disk answers, which holds nothing for sure; it is probed from `next`.
  void Restart(Incarnation disk, LogIndex next);
  // The answer denies what was acknowledged, and was given after that: its round is newer.
  [[nodiscard]] bool LostTail(const AppendResponse& response) const;
  void Sent(LogIndex end, std::size_t bytes);  // entries up to `end` were just sent
  void ToldCommit(LogIndex end) { commit_told_ = end; }
  void Acked(LogIndex end, std::uint64_t round);  // `round`: the last one that was sent before the answer came
  void Refused(LogIndex retry_from);              // Requires: mode() != kSnapshot
  void AllowProbe();
  // It takes no entries: one probe per heartbeat until it does. Nothing when a state transfer runs.
  void WaitForSpace();
  void StartSnapshot();
  // `end`: what the peer now has at least; `round` as for Acked.
  void EndSnapshot(LogIndex end, std::uint64_t round);

  // Entries that are not in memory are read back, one load at a time.
  [[nodiscard]] bool CanLoad() const { return load_ == Load::kNone; }
  [[nodiscard]] bool loading() const { return load_ == Load::kRunning; }
  void StartLoad() { load_ = Load::kRunning; }
  // A load that brought nothing is not repeated before the next heartbeat.
  void EndLoad(bool useful) { load_ = useful ? Load::kNone : Load::kFutile; }

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  Mode mode_ = Mode::kProbe;
  LogIndex match_end_;
  LogIndex next_;
  LogIndex commit_told_;
  bool probe_sent_ = false;
  enum class Load : std::uint8_t { kNone, kRunning, kFutile };
  struct Append {
    LogIndex end;
    std::size_t bytes = 0;
  };
  void ForgetInFlight();

  std::deque<Append> in_flight_;  // unanswered appends, ascending
  std::size_t in_flight_bytes_ = 0;
  Load load_ = Load::kNone;
  Instant last_heard_;
  std::uint64_t round_ = 0;
  DiskLevel disk_ = DiskLevel::kOk;
  std::uint64_t match_round_ = 0;  // the last round sent when match_end_ was learned
  Incarnation incarnation_;
  Incarnation stranger_;
};

}  // namespace metasrv
