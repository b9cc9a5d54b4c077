#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/ids.h"
#include "consensus/core.h"
#include "consensus/raft.h"

namespace metasrv::test {

// What a node's disk holds, and the writes that have not reached it yet.
struct Disk {
  HardState hard_state;
  std::optional<LogId> purged;
  std::vector<Entry> log;
  SnapshotMeta state;  // the "state machine" is the list of applied payloads
  std::vector<std::string> payloads;
  Incarnation incarnation{};  // 0, as long as a test does not care
  std::deque<Persist> in_flight;
  bool manual = false;  // writes wait for Persist()
  std::vector<LoadEntries> loads;
  bool slow_reads = false;  // loads wait for Read()

  void Apply(const Persist& write);
};

// A handful of Rafts with disks and a network in memory, moved by hand. Time stands still unless it is advanced.
// After every step the invariants of consensus/invariants.h hold, and across nodes election safety, log matching below
// the commit point and equality of what was applied; a violation aborts.
class RaftCluster {
 public:
  explicit RaftCluster(RaftOptions options = {}) : options_(options) {}

  // Nodes with entry 0 = the membership of `voters` on disk, as after a bootstrap.
  void Create(const NodeSet& voters);
  // As Create, and the entry records everybody's disk, as it does after growing from one node.
  void CreateRecorded(const NodeSet& voters);
  // As Create, with disks that nobody has recorded, as after an import.
  void CreateImported(const NodeSet& voters);
  // A node with an empty disk.
  void CreateEmpty(NodeId id);
  // Replaces the node's disk by an empty one and starts it. Returns the disk that was taken out.
  Disk Wipe(NodeId id);
  // The node gets this disk and starts.
  void PutDisk(NodeId id, Disk disk);
  // The node asks `leader` to be a voter, as with --join.
  void Join(NodeId leader, NodeId id, RequestId request);

  void Step(NodeId id, Input input);
  void Crash(NodeId id);  // what was not written is lost
  void Restart(NodeId id);
  void Persist(NodeId id);  // all writes in flight reach the disk
  void Read(NodeId id);     // all loads that wait are answered from what the disk holds now
  void Isolate(NodeId id);  // both ways
  void Heal();
  void Advance(Duration time);  // fires the deadlines that pass, delivering nothing
  // Delivers the messages that are in flight now and satisfy `which`, oldest first; returns their texts.
  std::vector<std::string> Deliver(const std::function<bool(NodeId from, NodeId to)>& which);
  std::size_t Drop(const std::function<bool(NodeId from, NodeId to)>& which);
  // Sets copies of such messages aside; Replay() sends them, however late.
  void Copy(const std::function<bool(NodeId from, NodeId to)>& which);
  void Replay();
  // Delivers and persists until nothing moves.
  void Stabilize();
  // Ends all faults, restarts everybody and lets time pass until one leader has everything applied everywhere.
  [[nodiscard]] bool Converge();

  [[nodiscard]] bool IsUp(NodeId id) const { return rafts_.contains(id); }
  [[nodiscard]] const Raft& raft(NodeId id) const { return rafts_.at(id); }
  [[nodiscard]] Disk& disk(NodeId id) { return disks_.at(id); }
  [[nodiscard]] NodeSet ids() const;
  [[nodiscard]] RaftOptions& options() { return options_; }  // for nodes that start from now on
  [[nodiscard]] std::optional<NodeId> leader() const;
  [[nodiscard]] std::string StatusLine(NodeId id) const;
  // Answers that came out since the last call: "read 7 at 3", "proposal 4 -> 1/2", ...
  [[nodiscard]] std::vector<std::string> TakeAnswers() { return std::exchange(answers_, {}); }
  // Applied payloads, in order.
  [[nodiscard]] const std::vector<std::string>& applied(NodeId id) const { return disks_.at(id).payloads; }

 private:
  struct InFlight {
    NodeId from;
    NodeId to;
    std::optional<Message> message;  // none: a whole state transfer
    SnapshotMeta meta;
    std::vector<std::string> payloads;
    Term term;
    Incarnation disk{};  // the sender's
  };
  struct Held {
    PersistSeq after;
    InFlight message;
  };

  void Absorb(NodeId id, Output out);
  void Complete(NodeId id, const metasrv::Persist& write);
  void Post(InFlight message);
  void DeliverOne(InFlight message);
  void ApplyEntry(NodeId id, const Entry& entry);
  void CheckCluster();
  void Receive(NodeId id, InFlight transfer);

  RaftOptions options_;
  Instant now_ = Instant::FromMicros(0);
  std::map<NodeId, Raft> rafts_;
  std::map<NodeId, Disk> disks_;
  std::map<NodeId, std::vector<Held>> held_;
  std::map<NodeId, std::vector<std::string>> staged_;  // payloads of a snapshot being installed
  std::deque<InFlight> network_;
  std::deque<InFlight> copies_;
  std::set<NodeId> isolated_;
  std::map<Term, NodeId> leaders_;
  std::map<LogIndex, Entry> committed_;
  std::vector<std::string> answers_;
  std::uint64_t seed_ = 1;
};

}  // namespace metasrv::test
