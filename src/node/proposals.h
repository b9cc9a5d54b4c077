#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "node/outcome.h"
#include "node/pump.h"

namespace metasrv::node {

// One write that this leader is to replicate.
struct LocalWrite {
  pb::Command command;
  Instant deadline;  // FORWARD_UNKNOWN then
  OutcomeDone done;
};

// Writes that were proposed here and wait for their entry to be applied. An entry that another leader replaced is
// definitely lost; one whose fate is not known when leadership, patience or the node ends is answered FORWARD_UNKNOWN.
class Proposals {
 public:
  Proposals(Context& context, Pump& pump);

  // Stamps the commands with the log time and proposes them as one batch. Requires: pump.leads() when it was asked for.
  void Propose(std::vector<LocalWrite> writes);

  void OnProposed(const Proposed& proposed);
  // `reply` is taken when somebody waits for it.
  void OnApplied(const LogId& id, pb::AppliedState& reply);
  // The state was replaced: the results of what it contains can no longer be told.
  void OnInstalled(const LogId& last);
  // Leadership may have changed: what is left from earlier terms gets a shorter time to be settled by the next leader.
  void OnView(const RaftView& view);
  void Stop();

  [[nodiscard]] std::size_t size() const { return unplaced_.size() + waiting_.size(); }

 private:
  struct Waiter {
    Instant since;
    Instant deadline;
    OutcomeDone done;
  };
  using Place = std::pair<LogIndex, Term>;  // two terms may have proposed at one index

  [[nodiscard]] std::string Serialize(pb::Command command);
  void Answer(std::map<Place, Waiter>::iterator waiter, Outcome outcome);
  void ArmTimer(Instant deadline);
  void Expire();

  Context& context_;
  Pump& pump_;
  Timer timer_;
  std::map<RequestId, Waiter> unplaced_;  // handed to consensus, which has not named their entries yet
  std::map<Place, Waiter> waiting_;
  RaftView view_;
  std::uint64_t last_time_ = 0;
};

}  // namespace metasrv::node
