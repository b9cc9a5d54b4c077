#pragma once

#include <map>
#include <utility>

#include "sim/disk_ledger.h"
#include "sim/invariants/node_view.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kMatchTrue = {"matched means stored",
                                        "What a leader counts as stored by a member is on that member's disk for good, "
                                        "unless the member has entered a later term.",
                                        "Ongaro's thesis, §3.5 and §10.2.1"};

inline constexpr Property kMatchMonotonic = {
    "matched stays matched", "Within one leadership what a member is known to have stored never shrinks.",
    "Ongaro's thesis, figure 3.1, matchIndex"};

// Compares what leaders believe of the other members with the members' disks.
class MatchTruth {
 public:
  explicit MatchTruth(Verdict& verdict) : verdict_(verdict) {}

  // `leader` believes that `peer`, whose log store is `disk`, has the first `match_end` entries of its log. A disk of
  // another name is another belief.
  void OnBelief(const NodeView& leader, NodeId peer, LogIndex match_end, const DiskLedger& disk,
                Incarnation disk_name = {});
  // `leader` no longer leads.
  void Forget(NodeId leader) { beliefs_.erase(leader); }
  // `peer` is a member no more: if it comes back, the leader starts anew with it.
  void Forget(NodeId leader, NodeId peer) { beliefs_[leader].erase(peer); }
  // The disk of `peer` was exchanged: whoever hears of it starts anew, also if the same disk is back by then.
  void ForgetEverywhere(NodeId peer) {
    for (auto& [leader, beliefs] : beliefs_) beliefs.erase(peer);
  }
  // `leader` follows exactly these members: what it believed of others is void, also when they come back.
  template <class Members>
  void KeepOnly(NodeId leader, const Members& members) {
    auto& beliefs = beliefs_[leader];
    if (beliefs.size() <= members.size()) return;
    std::erase_if(beliefs, [&](const auto& belief) { return !members.contains(belief.first); });
  }

 private:
  struct Belief {
    Term term;
    LogIndex match_end;
    Incarnation disk_name;
  };
  Verdict& verdict_;
  std::map<NodeId, std::map<NodeId, Belief>> beliefs_;  // by leader, then peer
};

}  // namespace metasrv::sim
