#include "consensus/progress.h"

#include <algorithm>

#include "common/check.h"

namespace metasrv {

bool Progress::CanSend(std::size_t count_max, std::size_t bytes_max) const {
  switch (mode_) {
    case Mode::kProbe: return !probe_sent_;
    case Mode::kReplicate: return in_flight_.size() < count_max && in_flight_bytes_ < bytes_max;
    case Mode::kSnapshot: return false;
  }
  return false;
}

void Progress::Heard(Instant now, std::uint64_t round) {
  last_heard_ = std::max(last_heard_, now);
  round_ = std::max(round_, round);
}

void Progress::Sent(LogIndex end, std::size_t bytes) {
  CHECK(mode_ != Mode::kSnapshot);
  CHECK_GE(end, next_);
  if (mode_ == Mode::kProbe) {
    probe_sent_ = true;
    return;
  }
  next_ = end;
  in_flight_.push_back({end, bytes});
  in_flight_bytes_ += bytes;
}

void Progress::ForgetInFlight() {
  in_flight_.clear();
  in_flight_bytes_ = 0;
}

void Progress::WaitForSpace() {
  if (mode_ == Mode::kSnapshot) return;
  mode_ = Mode::kProbe;
  probe_sent_ = true;
  next_ = match_end_;
  ForgetInFlight();
}

void Progress::AllowProbe() {
  probe_sent_ = false;
  if (load_ == Load::kFutile) load_ = Load::kNone;
}

void Progress::Restart(Incarnation disk, LogIndex next) {
  const Instant heard = last_heard_;
  const Incarnation stranger = stranger_;
  *this = Progress(next, heard);
  incarnation_ = disk;
  stranger_ = stranger;
}

bool Progress::LostTail(const AppendResponse& response) const {
  if (response.success || mode_ == Mode::kSnapshot || match_end_ == LogIndex(0)) return false;
  const LogIndex refused_end = response.refused ? response.refused->index.Next() : LogIndex(0);
  return refused_end <= match_end_ && response.end < match_end_ && response.round > match_round_;
}

void Progress::Acked(LogIndex end, std::uint64_t round) {
  if (end > match_end_) match_round_ = round;
  match_end_ = std::max(match_end_, end);
  next_ = std::max(next_, match_end_);
  while (!in_flight_.empty() && in_flight_.front().end <= end) {
    CHECK_GE(in_flight_bytes_, in_flight_.front().bytes);
    in_flight_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  if (mode_ == Mode::kSnapshot) return;
  if (mode_ == Mode::kProbe && end >= next_) mode_ = Mode::kReplicate;
  CHECK(in_flight_.empty() || in_flight_.front().end >= match_end_);
}

void Progress::Refused(LogIndex retry_from) {
  CHECK(mode_ != Mode::kSnapshot);
  mode_ = Mode::kProbe;
  probe_sent_ = false;
  ForgetInFlight();
  next_ = std::max(match_end_, retry_from);
  CHECK_GE(next_, match_end_);
}

void Progress::StartSnapshot() {
  CHECK(mode_ != Mode::kSnapshot);
  mode_ = Mode::kSnapshot;
  ForgetInFlight();
}

void Progress::EndSnapshot(LogIndex end, std::uint64_t round) {
  CHECK(mode_ == Mode::kSnapshot);
  if (end > match_end_) match_round_ = round;
  mode_ = Mode::kProbe;
  match_end_ = std::max(match_end_, end);
  next_ = std::max(next_, match_end_);
  // The next probe waits for a heartbeat, so that a peer that keeps failing is not flooded.
  probe_sent_ = true;
}

}  // namespace metasrv
