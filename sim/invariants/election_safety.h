#pragma once

#include <map>
#include <optional>

#include "common/ids.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kElectionSafety = {"election safety", "In one term at most one node acts as leader.",
                                             "Ongaro's thesis, figure 3.2"};

// Remembers who acted as the leader of each term: by its role, or by what it sent.
class ElectionSafety {
 public:
  explicit ElectionSafety(Verdict& verdict) : verdict_(verdict) {}

  void OnActsAsLeader(NodeId node, Term term);
  [[nodiscard]] std::optional<NodeId> LeaderOf(Term term) const;
  // Leaders seen, over all terms.
  [[nodiscard]] std::size_t count() const { return leaders_.size(); }

 private:
  Verdict& verdict_;
  std::map<Term, NodeId> leaders_;
};

}  // namespace metasrv::sim
