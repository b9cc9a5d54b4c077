#include "consensus/durability.h"

#include <algorithm>

#include "common/check.h"

namespace metasrv {

PersistSeq Durability::Issue(std::optional<LogIndex> cut, LogIndex end) {
  if (cut) {
    for (Write& write : in_flight_) write.end = std::min(write.end, *cut);
    durable_end_ = std::min(durable_end_, *cut);
  }
  issued_ = next();
  in_flight_.push_back({issued_, end});
  return issued_;
}

void Durability::Complete(PersistSeq seq) {
  CHECK_LE(seq, issued_);
  CHECK_GE(seq, durable_);
  durable_ = seq;
  while (!in_flight_.empty() && in_flight_.front().seq <= seq) {
    durable_end_ = std::max(durable_end_, in_flight_.front().end);
    in_flight_.pop_front();
  }
}

void Durability::CoverTo(LogIndex end) { durable_end_ = std::max(durable_end_, end); }

}  // namespace metasrv
