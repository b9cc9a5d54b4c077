#pragma once

#include "sim/history.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kStateMachineSafety = {
    "state machine safety",
    "All nodes apply the same entry at the same index, with the same answer and the same changes.",
    "Ongaro's thesis, figure 3.2"};

inline constexpr Property kSameState = {"same state at the same index",
                                        "Two nodes that have applied the same number of entries hold the same rows.",
                                        "kv-semantics.md §13, I7"};

// Compares what each node applies, and each state it then holds, with the shared history.
class StateMachineSafety {
 public:
  StateMachineSafety(History& history, Verdict& verdict) : history_(history), verdict_(verdict) {}

  // `node`'s state machine now stands for the entries up to `last` and its rows have the sum `row_sum`; by applying, by
  // installing a snapshot or by opening its disk.
  void OnState(NodeId node, LogId last, std::uint64_t row_sum);
  // What one applied entry did at `node`. Requires: OnState came first.
  void OnApplied(NodeId node, const sm::Applied& applied);

 private:
  History& history_;
  Verdict& verdict_;
};

}  // namespace metasrv::sim
