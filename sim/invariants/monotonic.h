#pragma once

#include <map>
#include <optional>

#include "io/log_store.h"
#include "sim/invariants/node_view.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kMonotonic = {
    "monotonic state", "Within one life of a node its term, commit point and applied point never fall.",
    "Ongaro's thesis, figure 3.1"};

inline constexpr Property kVoteOnce = {
    "one vote per term",
    "Within a term a node's vote is given once; it changes at most once more, to the leader that was established.",
    "Ongaro's thesis, figure 3.1; consensus/types.h, HardState"};

// Compares each node with what it was before.
class Monotonic {
 public:
  explicit Monotonic(Verdict& verdict) : verdict_(verdict) {}

  void OnView(const NodeView& view);
  // A new life begins with what the disk held.
  void OnRecovered(NodeId node, const std::optional<HardState>& hard_state);
  void OnHardState(NodeId node, const HardState& next);

 private:
  struct Last {
    std::uint32_t incarnation = 0;
    Term term;
    LogIndex commit_end;
    LogIndex applied_end;
  };
  void Demand(bool holds, const NodeView& view, const char* what, std::uint64_t before, std::uint64_t after);

  Verdict& verdict_;
  std::map<NodeId, Last> last_;
  std::map<NodeId, HardState> votes_;
};

}  // namespace metasrv::sim
