#include "sim/invariants/promises.h"

#include <string>

namespace metasrv::sim {
namespace {

std::string DiskText(const DiskLedger& disk) {
  const HardState& state = disk.durable().hard_state();
  return "; its disk holds term " + std::to_string(state.term.value()) + " vote " +
         (state.voted_for ? std::to_string(state.voted_for->value()) : "none") + " log end " +
         std::to_string(disk.durable().end().value()) + " and " + std::to_string(disk.pending_count()) +
         " writes under way";
}

}  // namespace

void Promises::OnSend(NodeId from, const pb::PeerMessage& message, const DiskLedger& disk, const Log* leader_log) {
  switch (message.body_case()) {
    case pb::PeerMessage::kVoteResponse: OnVote(from, NodeId(message.to()), message.vote_response(), disk); break;
    case pb::PeerMessage::kAppendRequest: OnLead(from, Term(message.append_request().term()), disk); break;
    case pb::PeerMessage::kAppendResponse: OnAck(from, message.append_response(), disk, leader_log); break;
    case pb::PeerMessage::kSnapshotAck: OnSnapshotAck(from, message.snapshot_ack(), disk); break;
    default: break;
  }
}

void Promises::OnVote(NodeId from, NodeId to, const pb::RaftVoteResponse& vote, const DiskLedger& disk) {
  if (!vote.granted() || vote.pre_vote()) return;
  const HardState& durable = disk.durable().hard_state();
  const Term term(vote.term());
  if (durable.term > term) return;  // a promise of the past; nothing can be voted in that term any more
  if (durable.term == term && (durable.voted_for == to || durable.leader_established)) return;
  verdict_.Broken(kVoteDurable,
                  Name(from) + " votes for " + Name(to) + " in term " + std::to_string(term.value()) + DiskText(disk));
}

void Promises::OnLead(NodeId from, Term term, const DiskLedger& disk) {
  const HardState& durable = disk.durable().hard_state();
  if (durable.term > term || (durable.term == term && durable.voted_for == from)) return;
  verdict_.Broken(kLeadDurable,
                  Name(from) + " appends as leader of term " + std::to_string(term.value()) + DiskText(disk));
}

void Promises::OnAck(NodeId from, const pb::RaftAppendResponse& ack, const DiskLedger& disk, const Log* leader_log) {
  const Term term(ack.term());
  // A late answer to a leader of the past binds nothing that a newer leader has replaced since.
  if (!ack.success() || ack.end() == 0 || term < disk.issued().hard_state().term) return;
  const LogIndex last(ack.end() - 1);
  const std::string what =
      Name(from) + " acknowledges " + std::to_string(ack.end()) + " entries in term " + std::to_string(term.value());
  const auto held = disk.issued().TermAt(last);
  const bool purged = disk.issued().purged() && last < disk.issued().purged()->index;
  if (purged || disk.StateCovers(last)) return;
  if (!held || !disk.SurvivesCrash(LogId{*held, NodeId(), last})) {
    verdict_.Broken(kAckDurable, what + DiskText(disk));
    return;
  }
  if (leader_log != nullptr && !Holds(*leader_log, last, *held)) {
    verdict_.Broken(kAckProven, what + ", the last of term " + std::to_string(held->value()) +
                                    "; its leader's log does not hold that entry");
    return;
  }
  Acknowledged& told = acknowledged_[from];
  if (told.term < term || told.last.index < last) told = {term, LogId{*held, NodeId(), last}};
}

void Promises::OnSnapshotAck(NodeId from, const pb::SnapshotAck& ack, const DiskLedger& disk) {
  if (!ack.installed() || !ack.has_last()) return;
  const LogId last{Term(ack.last().term()), NodeId(), LogIndex(ack.last().index())};
  if (disk.SurvivesCrash(last)) return;
  verdict_.Broken(kAckDurable, Name(from) + " acknowledges the snapshot up to " + std::to_string(last.index.value()) +
                                   DiskText(disk));
}

void Promises::OnWrite(NodeId node, const LogOutline& after) {
  const auto told = acknowledged_.find(node);
  if (told == acknowledged_.end() || told->second.term != after.hard_state().term) return;
  if (after.Covers(told->second.last)) return;
  verdict_.Broken(kAckKept, Name(node) + " drops entry " + std::to_string(told->second.last.index.value()) +
                                " of term " + std::to_string(told->second.last.term.value()) +
                                ", which it acknowledged in term " + std::to_string(told->second.term.value()));
}

}  // namespace metasrv::sim
