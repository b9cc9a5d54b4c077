#pragma once

#include <span>

#include "sim/invariants/commit_history.h"
#include "sim/invariants/node_view.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kLeaderCompleteness = {
    "leader completeness", "An entry committed in a term is in the log of every leader of a later term.",
    "Ongaro's thesis, figure 3.2"};

class LeaderCompleteness {
 public:
  explicit LeaderCompleteness(Verdict& verdict) : verdict_(verdict) {}

  // `leader` has just begun to lead. Only entries committed in earlier terms count: a slow winner may learn of its
  // victory when a later leader has already committed more.
  void OnElected(const NodeView& leader, const CommitHistory& committed);

  // `committed` has just grown in term `by`: whoever leads a later term at this moment must have it too.
  void OnCommitted(Term by, const CommitHistory& committed, std::span<const NodeView> running);

 private:
  void Demand(const NodeView& leader, LogIndex end, const CommitHistory& committed);

  Verdict& verdict_;
};

}  // namespace metasrv::sim
