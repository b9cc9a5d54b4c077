// Log replication and the commit rule: thesis §3.5, §3.6.2, §10.2.1; divergence search by term hints on both sides.
#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/core.h"

namespace metasrv {
namespace {

// Number of leading entries that a request speaks about before its own.
LogIndex EndOf(const std::optional<LogId>& prev) { return prev ? prev->index.Next() : LogIndex(0); }

}  // namespace

// --- follower side

void RaftCore::FollowLeader(NodeId leader) {
  CHECK(!std::holds_alternative<Leader>(role_));
  auto* follower = std::get_if<Follower>(&role_);
  if (follower == nullptr || follower->leader != leader) {
    BecomeFollower(hard_state_.term, leader);
    Trace(TraceKind::kLeaderKnown, hard_state_.term.value(), leader.value());
  }
  if (!hard_state_.leader_established) {
    SetHardState({.term = hard_state_.term, .voted_for = leader, .leader_established = true});
  }
  CHECK(hard_state_.voted_for == leader);
  sticky_until_ = now_ + options_.election_timeout_min;
  ResetElectionTimer();
}

void RaftCore::OnMessage(NodeId from, AppendRequest& request) {
  FollowLeader(from);
  AppendResponse response{.term = hard_state_.term,
                          .success = true,
                          .end = LogIndex(0),
                          .hint_term = std::nullopt,
                          .refused = std::nullopt,
                          .round = request.round,
                          .disk = disk_};
  if (installing_) {
    SendDurable(from, response);  // alive, but the log is about to be replaced
    return;
  }
  if (auto refusal = RefuseAppend(request)) {
    SendDurable(from, *refusal);
    return;
  }
  if (space_ == SpaceLevel::kCritical) response.no_space = DropUnknown(request);
  response.end = LogIndex(EndOf(request.prev).value() + request.entries.size());
  StoreEntries(request);
  if (MutantOn(Mutant::kR04)) response.end = log_.end();
  // Entries beyond response.end are not known to be the leader's (mutant C03 forgets that).
  SetCommitEnd(std::min(request.commit_end, MutantOn(Mutant::kC03) ? log_.end() : response.end));
  if (MutantOn(Mutant::kD01)) {
    SendNow(from, response);
  } else if (request.entries.empty() && HardStateIsDurable()) {
    // A sign of life does not wait for the disk; it proves what is durable already.
    response.end = std::min(response.end, durability_.durable_end());
    SendNow(from, response);
  } else {
    SendDurable(from, response);
  }
}

// None: the entry before the request's matches, so the whole prefix does (Log Matching, thesis §3.5).
std::optional<AppendResponse> RaftCore::RefuseAppend(const AppendRequest& request) const {
  const LogIndex prev_end = EndOf(request.prev);
  // What is committed here equals what any leader has, also where it was purged.
  if (prev_end <= commit_end_) return std::nullopt;
  LogIndex hint = log_.end();
  if (prev_end <= log_.end()) {
    if (MutantOn(Mutant::kR02)) return std::nullopt;
    const LogId own = *log_.IdAt(prev_end.Prev());
    if (own.term == request.prev->term) return std::nullopt;
    hint = log_.LastEndNotAfter(prev_end.Prev(), request.prev->term);
  }
  hint = std::max(hint, commit_end_);
  std::optional<Term> hint_term;
  if (auto id = log_.IdBefore(hint)) hint_term = id->term;
  return AppendResponse{.term = hard_state_.term,
                        .success = false,
                        .end = hint,
                        .hint_term = hint_term,
                        .refused = request.prev,
                        .round = request.round,
                        .disk = disk_};
}

// Appends what is new. A late or repeated request changes nothing: only an entry that differs cuts the log.
void RaftCore::StoreEntries(AppendRequest& request) {
  LogIndex cut = EndOf(request.prev);
  std::size_t known = 0;
  if (!MutantOn(Mutant::kR01)) {
    for (const Entry& entry : request.entries) {
      // Ids decide: one id never stands for two contents.
      const bool same = entry.id.index < log_.begin() || log_.IdAt(entry.id.index) == entry.id;
      if (!same) break;
      ++known;
    }
    if (known == request.entries.size()) return;
    cut = request.entries[known].id.index;
  }
  if (cut < log_.end()) {
    CHECK_GE(cut, commit_end_);
    log_.TruncateFrom(cut);
    membership_.TruncateFrom(cut);
    write_.truncate_from = cut;
    write_due_ = true;
    Trace(TraceKind::kLogTruncated, cut.value());
  }
  for (; known < request.entries.size(); ++known) AppendToLog(std::move(request.entries[known]));
}

void RaftCore::SetCommitEnd(LogIndex end) {
  CHECK_LE(end, log_.end());
  if (end <= commit_end_) return;
  commit_end_ = end;
  if (auto* leader = std::get_if<Leader>(&role_)) leader->uncommitted.CommitTo(end);
  Trace(TraceKind::kCommitted, commit_end_.value());
}

// --- leader side

void RaftCore::OnMessage(NodeId from, const AppendResponse& response) {
  auto* leader = std::get_if<Leader>(&role_);
  Progress* progress = leader ? leader->tracker.Find(from) : nullptr;
  if (progress == nullptr) return;
  progress->Heard(now_, response.round);
  progress->ReportedDisk(response.disk);
  if (response.success) {
    CHECK_LE(response.end, log_.end());
    progress->Acked(response.end, leader->round);
    if (response.no_space) progress->WaitForSpace();
    AdvanceCommit();
    AdvanceChanges();
  } else if (progress->mode() != Progress::Mode::kSnapshot && EndOf(response.refused) > progress->match_end()) {
    // The follower's last entry at the hint has `hint_term`; nothing of a later term can match there.
    const LogIndex retry = response.hint_term ? log_.LastEndNotAfter(response.end, *response.hint_term)
                                              : std::min(response.end, log_.end());
    progress->Refused(retry);
  }
  ConfirmReads();
  AdvanceTransfer();
}

void RaftCore::AdvanceCommit() {
  auto& leader = std::get<Leader>(role_);
  const LogIndex end = leader.tracker.QuorumEnd(membership_.current(), durability_.durable_end());
  if (end <= commit_end_) return;
  CHECK_LE(end, log_.end());
  // Only an entry of the own term commits by counting; it takes the older ones along (thesis §3.6.2).
  if (!MutantOn(Mutant::kC01) && log_.IdAt(end.Prev())->term != hard_state_.term) return;
  const bool first_of_term = commit_end_ <= leader.term_start && end > leader.term_start;
  SetCommitEnd(end);
  if (first_of_term) leader.reads.AdmitEarly(commit_end_);
}

bool RaftCore::MaySend(const Progress& progress) const {
  return progress.CanSend(options_.inflight_max, options_.inflight_bytes_max);
}

AppendRequest RaftCore::NextAppend(const Progress& progress) const {
  const std::optional<LogId> prev = log_.IdBefore(progress.next());
  // Without the entry before it, an append would claim to start the log.
  CHECK(progress.next() == LogIndex(0) || prev.has_value());
  return {.term = hard_state_.term,
          .prev = prev,
          .entries = {},
          .commit_end = commit_end_,
          .round = std::get<Leader>(role_).round};
}

void RaftCore::SendEntries(NodeId to, Progress& progress, std::vector<Entry> entries) {
  AppendRequest request = NextAppend(progress);
  std::size_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.ByteSize();
  progress.Sent(LogIndex(progress.next().value() + entries.size()), bytes);
  request.entries = std::move(entries);
  progress.ToldCommit(commit_end_);
  SendNow(to, std::move(request));
}

void RaftCore::SendCommitPoint(NodeId to, Progress& progress) {
  progress.ToldCommit(commit_end_);
  SendNow(to, NextAppend(progress));
}

// Sends one append from what is in memory, or asks for what is not; false when nothing was sent.
bool RaftCore::SendMissing(NodeId to, Progress& progress) {
  if (progress.next() < log_.cached_begin()) {
    LoadForPeer(to, progress);
    return false;
  }
  SendEntries(to, progress, log_.Slice(progress.next(), options_.append_entries_max, options_.append_bytes_max));
  return true;
}

// Sends what `to` misses, as far as its window allows.
void RaftCore::Replicate(NodeId to, Progress& progress) {
  CHECK_LE(progress.next(), log_.end());
  CHECK_LE(progress.match_end(), progress.next());
  if (progress.mode() == Progress::Mode::kSnapshot) return;
  // A removed voter gets the entry that removes it when that is committed. With it, it would not campaign any more, and
  // would vote for nobody who lacks it; if this leader dies before, its vote may be needed in the joint configuration.
  if (std::get<Leader>(role_).tracker.IsHeldBack(to, commit_end_)) return;
  const bool reachable_by_log =
      progress.next() >= log_.begin() && (progress.next() == LogIndex(0) || log_.IdBefore(progress.next()).has_value());
  if (!reachable_by_log) {
    // Only a probe has to wait for its turn: no answer to what is in flight can lead back into the log.
    if (progress.mode() == Progress::Mode::kProbe && !MaySend(progress)) return;
    if (std::get<Leader>(role_).tracker.IsGone(to)) return;  // a removed member is told, not repaired
    progress.StartSnapshot();
    out_.send_snapshots.push_back({to, hard_state_.term});
    return;
  }
  if (progress.mode() == Progress::Mode::kProbe) {
    if (MaySend(progress)) static_cast<void>(SendMissing(to, progress));
    return;
  }
  while (progress.next() < log_.end() && MaySend(progress)) {
    if (!SendMissing(to, progress)) return;
  }
  // A follower that waits for nothing else learns of a commit at once.
  if (progress.next() == log_.end() && progress.commit_told() < commit_end_) SendCommitPoint(to, progress);
}

// Keeps `to` from campaigning, carries the commit point and the confirmation round, and shows up a lost append.
void RaftCore::SendHeartbeat(NodeId to, Progress& progress) {
  const LogIndex next = progress.next();
  if (progress.mode() == Progress::Mode::kReplicate && (next == LogIndex(0) || log_.IdBefore(next))) {
    SendCommitPoint(to, progress);
    return;
  }
  const auto& leader = std::get<Leader>(role_);
  SendNow(to, AppendRequest{.term = hard_state_.term,
                            .prev = std::nullopt,
                            .entries = {},
                            .commit_end = MutantOn(Mutant::kC03) ? commit_end_ : LogIndex(0),
                            .round = leader.round});
}

void RaftCore::ReplicateAll() {
  auto& leader = std::get<Leader>(role_);
  if (leader.reads.NeedsRound()) {
    SendRound();
    ConfirmReads();  // a single voter needs nobody
  }
  for (auto& [id, progress] : leader.tracker.peers()) {
    const std::size_t before = out_.messages.size();
    Replicate(id, progress);
    if (leader.broadcast_due && out_.messages.size() == before) SendHeartbeat(id, progress);
  }
  leader.broadcast_due = false;
}

void RaftCore::LeaderTick() {
  auto& leader = std::get<Leader>(role_);
  if (now_ >= leader.quorum_check_at) {
    // A leader that a quorum does not answer cannot commit; it makes way (check-quorum, thesis §6.2).
    if (!leader.tracker.HeardFromQuorum(membership_.current(), now_ - options_.election_timeout_min)) {
      BecomeFollower(hard_state_.term, std::nullopt);
      return;
    }
    leader.quorum_check_at = now_ + options_.election_timeout_min / 2;
  }
  if (leader.transfer && now_ >= leader.transfer->deadline) EndTransfer(TransferResult::kTimedOut);
  if (now_ < leader.heartbeat_at) return;
  leader.heartbeat_at = now_ + options_.heartbeat_interval;
  // Reads whose round got lost are confirmed by this one.
  SendRound();
  for (auto& [id, progress] : leader.tracker.peers()) progress.AllowProbe();
  EndFarewells();
  ExpireChanges();
  AdvanceChanges();
  if (leader.transfer) leader.transfer->told = false;  // the message may have got lost
  AdvanceTransfer();
  RecordKnownDisks();
}

// Removed members are sent the rest until they know that they are removed: then they stop campaigning and do not wait
// for a leader after a restart (raft-engines.md §5.8).
void RaftCore::EndFarewells() {
  auto& leader = std::get<Leader>(role_);
  for (const auto& [id, was_told] : leader.tracker.EndFarewells(leader.round, now_)) {
    Trace(TraceKind::kFarewellEnded, id.value(), was_told ? 1 : 0);
  }
}

}  // namespace metasrv
