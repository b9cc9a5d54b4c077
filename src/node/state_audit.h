#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "node/context.h"
#include "node/pump.h"
#include "peer.pb.h"
#include "sm/machine.h"

namespace metasrv::node {

// Compares this replica's state with the others' (docs/decisions/0022). Every checkpoint_interval entries each replica
// remembers the state hash; voters tell theirs to all members. Who differs from what a majority of every voter set has
// at the same index is wrong, whoever leads. Without a majority nobody acts, but the operator is told.
class StateAudit {
 public:
  using Send = std::function<void(NodeId to, const pb::CheckpointReport& report)>;
  // This node's state is wrong; `reason` is for the operator. Called again at later checkpoints while it stays so.
  using OnWrong = std::function<void(const std::string& reason)>;

  StateAudit(Context& context, Pump& pump, const sm::Machine& machine, Send send, OnWrong on_wrong);

  void Start();
  void Stop() { repeat_.Cancel(); }

  // Call whenever the machine has applied entries up to a checkpoint, and no further.
  void OnCheckpoint();
  void OnReport(NodeId from, const pb::CheckpointReport& report);
  // What this node said of its state no longer counts: it was found wrong, or was replaced.
  void Forget();

  // Checkpoints at which the voters differed and no majority agreed.
  [[nodiscard]] std::uint64_t disputes() const { return disputed_.size(); }

 private:
  using Hashes = std::map<NodeId, std::uint64_t>;

  void Report();
  void Repeat();
  void Note(LogIndex index, NodeId node, std::uint64_t hash);
  void Judge(LogIndex index);
  void Dispute(LogIndex index);

  Context& context_;
  Pump& pump_;
  const sm::Machine& machine_;
  Send send_;
  OnWrong on_wrong_;
  Timer repeat_;
  std::map<LogIndex, std::uint64_t> own_;  // the newest few
  std::map<LogIndex, Hashes> reported_;    // likewise; what others said
  std::set<std::pair<LogIndex, NodeId>> seen_wrong_;
  std::set<LogIndex> disputed_;
};

}  // namespace metasrv::node
