#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/trace.h"
#include "consensus/raft.h"
#include "io/log_store.h"
#include "io/sim/sim_network.h"
#include "node/client_api.h"
#include "sim/disk_ledger.h"
#include "sim/history.h"
#include "sim/invariants/commit_history.h"
#include "sim/invariants/commit_rule.h"
#include "sim/invariants/committed_immutable.h"
#include "sim/invariants/election_safety.h"
#include "sim/invariants/leader_completeness.h"
#include "sim/invariants/log_matching.h"
#include "sim/invariants/match_truth.h"
#include "sim/invariants/membership_rule.h"
#include "sim/invariants/monotonic.h"
#include "sim/invariants/promises.h"
#include "sim/invariants/recorded_disks.h"
#include "sim/invariants/state_machine_safety.h"
#include "sim/probes.h"
#include "sim/verdict.h"

namespace metasrv::sim {

struct Restored;

inline constexpr Property kNoFalseQuarantine = {
    "only a wrong state is quarantined", "A node whose rows nobody has touched is never told that its state is wrong.",
    "docs/decisions/0022"};
inline constexpr Property kQuarantinedServesNothing = {
    "a quarantined state is not served", "No read is answered from a state that its node knows to be wrong.",
    "docs/decisions/0022"};

inline constexpr Property kSnapshotsArriveWhole = {
    "snapshots arrive whole", "What was collected of a snapshot, in however many attempts, is what its sender pinned.",
    "docs/decisions/0017"};

// All judges of a cluster, and what they share. Hears of every write, message, applied entry and trace event at the
// moment it happens, and looks at the nodes it heard of after each event of the world.
class Judges : public io::NetworkObserver {
 public:
  Judges(History::TokenOf token_of, Verdict& verdict, Probes& probes);

  // --- Lives ---
  // What a state store stands for.
  struct StateSeen {
    LogId last;
    std::uint64_t row_sum = 0;
    bool durable = false;
  };
  // Before its first life a node's log was given these entries, from index 0 on.
  void OnImported(NodeId node, const std::vector<Entry>& entries);
  // All nodes begin with the disks of a restored cluster. Once, before anything else.
  void OnRestored(const Restored& restored);
  // A node opens its disk, which holds this.
  void OnOpened(NodeId node, std::uint32_t incarnation, const io::LogContents& log,
                const std::optional<StateSeen>& state);
  // `raft` lives until OnDied.
  void OnRunning(NodeId node, const Raft& raft);
  // Another disk, or an empty one, is put into a machine that is off. What the old one held counts under its name
  // still.
  void OnDiskReplaced(NodeId node);
  // The node is about to be destroyed; `log` is what its disk keeps.
  void OnDied(NodeId node, const io::LogContents& log);

  // --- What a node does ---
  void OnLogIssued(NodeId node, const io::LogBatch& batch);
  void OnLogDurable(NodeId node);
  void OnState(NodeId node, LogId last, std::uint64_t row_sum, bool installed);
  void OnApplied(NodeId node, const sm::Applied& applied);
  void OnTrace(NodeId node, const TraceEvent& event);
  void OnLeave(const io::Packet& packet) override;
  void OnArrive(const io::Packet& packet) override;

  // --- Bit rot: until the state has been replaced, it is compared with nothing ---
  void OnRotted(NodeId node);
  [[nodiscard]] bool Rotten(NodeId node) const;
  [[nodiscard]] bool AnyRotten() const;
  [[nodiscard]] bool EverRotten() const;
  // A read was served from `node`'s state. False: nothing follows from what it says.
  [[nodiscard]] bool MayTrustRead(NodeId node);

  // The number of entries whose effects the node has told so far; in the middle of a batch fewer than it has applied.
  [[nodiscard]] LogIndex ToldEnd(NodeId node) const { return nodes_.at(node).told_end; }
  // An export was taken of `node`, whose state is not rotten.
  void OnExport(NodeId node, const node::ExportSource& source);

  // Judges every node that was heard of since the last call.
  void AfterEvent();

  [[nodiscard]] const History& history() const { return history_; }
  [[nodiscard]] History& history() { return history_; }
  // The number of entries that some leader has committed.
  [[nodiscard]] LogIndex committed_end() const { return committed_.end(); }
  [[nodiscard]] const DiskLedger* DiskOf(NodeId node) const;
  // The disk that `node` was recorded with, in its machine or out of it; where none is recorded, the one that counts.
  [[nodiscard]] const DiskLedger* DiskOf(NodeId node, Incarnation recorded) const;
  // Promises of the disk in `node`'s machine count under `membership`.
  [[nodiscard]] bool CountsNow(const Membership& membership, NodeId node) const;
  // The cluster can stand the loss of this voter's disk: in every membership that any node believes in, the disks that
  // count and are there stay a majority; or there are two voters in all and the other one's disk is there.
  [[nodiscard]] bool CanLoseDisk(NodeId node) const;
  // The memberships that any node last had in effect, dead nodes included.
  [[nodiscard]] std::vector<Membership> Memberships() const;

 private:
  void HitSpace(SpaceLevel level);

  struct Watched {
    NodeId id;
    std::uint32_t incarnation = 0;
    const Raft* raft = nullptr;
    DiskLedger disk;
    Incarnation disk_name;                       // of `disk`; 0 while it is empty
    std::map<Incarnation, DiskLedger> drawer{};  // disks that were taken out
    LogIndex applied_end;
    LogIndex told_end;
    std::optional<LogId> membership_id;
    Membership membership;
    std::optional<Term> leads;  // as of the last look
    LogIndex believed_end;
    bool heard_of = false;
    bool rotten = false;  // its rows were changed behind its back and have not been replaced yet
    bool ever_rotten = false;
    std::optional<std::uint32_t> quarantined_in;  // the life that noticed
    std::uint32_t staged_in = 0;                  // the life that last acknowledged a piece of a snapshot
    std::optional<NodeId> staged_from;            // ... and to whom
  };

  void Hear(Watched& node);
  void OnQuarantined(NodeId id, bool after_restart);
  void OnResynced(NodeId id);
  void OnReceiveResumed(NodeId id, NodeId from);
  [[nodiscard]] NodeView ViewOf(const Watched& node) const;
  void Judge(Watched& node);
  void NoteChangeEnded(const TraceEvent& event);
  void JudgeBeliefs(const Watched& node, const NodeView& view);
  void JudgeCommit(const Watched& node, const NodeView& view, const Membership& before);
  [[nodiscard]] bool AnyFollowerIsSlow(NodeId elected) const;
  [[nodiscard]] const Log* LeaderLog(NodeId node, Term term) const;

  Verdict& verdict_;
  Probes& probes_;
  std::map<NodeId, Watched> nodes_;
  std::vector<NodeId> heard_;
  CommitHistory committed_;
  ElectionSafety election_safety_;
  LogMatching log_matching_;
  LeaderCompleteness leader_completeness_;
  CommitRule commit_rule_;
  CommittedImmutable committed_immutable_;
  MatchTruth match_truth_;
  MembershipRule membership_rule_;
  Monotonic monotonic_;
  Promises promises_;
  RecordedDisks recorded_disks_;
  History history_;
  StateMachineSafety state_machine_safety_;
  pb::PeerMessage message_;  // reused
};

}  // namespace metasrv::sim
