#pragma once

#include <map>
#include <optional>

#include "peer.pb.h"
#include "sim/disk_ledger.h"
#include "sim/invariants/node_view.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kVoteDurable = {"votes are durable first",
                                          "A vote leaves a node only when no crash can make the node forget it.",
                                          "Ongaro's thesis, §3.8"};

inline constexpr Property kLeadDurable = {"leaders are durable first",
                                          "A leader sends its first append only when no crash can make it forget that "
                                          "it voted for itself in that term; else it "
                                          "could win the same term twice with two different logs.",
                                          "Ongaro's thesis, §3.8"};

inline constexpr Property kAckDurable = {
    "acknowledgements are durable first",
    "An append or snapshot is acknowledged only when no crash can take away what was acknowledged.",
    "Ongaro's thesis, §3.8 and §10.2.1"};

inline constexpr Property kAckProven = {
    "acknowledgements are proven", "A follower acknowledges only entries that equal those of the leader it answers.",
    "Ongaro's thesis, §3.5"};

inline constexpr Property kAckKept = {"acknowledgements are kept",
                                      "A follower never drops an entry that it acknowledged in the present term.",
                                      "Ongaro's thesis, §3.5"};

// Compares every promise that leaves a node with what its disk could lose at that instant, and with what it does later.
class Promises {
 public:
  explicit Promises(Verdict& verdict) : verdict_(verdict) {}

  // `message` leaves `from`, whose log store is `disk`. `leader_log`: the log of the receiver while it leads the
  // message's term, else null.
  void OnSend(NodeId from, const pb::PeerMessage& message, const DiskLedger& disk, const Log* leader_log);

  // `node` writes to its log store, which then holds `after`.
  void OnWrite(NodeId node, const LogOutline& after);

  // `node` died: its next life is bound by its disk, which the other judges watch.
  void OnCrashed(NodeId node) { acknowledged_.erase(node); }

 private:
  struct Acknowledged {
    Term term;  // of the leader it was told
    LogId last;
  };
  void OnVote(NodeId from, NodeId to, const pb::RaftVoteResponse& vote, const DiskLedger& disk);
  void OnLead(NodeId from, Term term, const DiskLedger& disk);
  void OnAck(NodeId from, const pb::RaftAppendResponse& ack, const DiskLedger& disk, const Log* leader_log);
  void OnSnapshotAck(NodeId from, const pb::SnapshotAck& ack, const DiskLedger& disk);

  Verdict& verdict_;
  std::map<NodeId, Acknowledged> acknowledged_;
};

}  // namespace metasrv::sim
