#pragma once

#include "io/log_store.h"
#include "sim/disk_ledger.h"
#include "sim/invariants/commit_history.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kCommittedImmutable = {
    "committed entries stay", "A log that holds a committed entry never loses it but by purging.",
    "Ongaro's thesis, figure 3.2, leader append-only and state machine safety"};

// Judges every write to a log store, before it is issued.
class CommittedImmutable {
 public:
  explicit CommittedImmutable(Verdict& verdict) : verdict_(verdict) {}

  // `before` and `after` are the log around the write `batch` of `node`.
  void OnWrite(NodeId node, const LogOutline& before, const LogOutline& after, const CommitHistory& committed);

 private:
  Verdict& verdict_;
};

}  // namespace metasrv::sim
