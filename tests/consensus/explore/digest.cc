#include "tests/consensus/explore/digest.h"

#include <algorithm>

#include "common/prng.h"

namespace metasrv {

void StateDigest::Mix(std::uint64_t word) {
  value_.high = MixHash(value_.high, word);
  value_.low = MixHash(value_.low ^ 0x9e3779b97f4a7c15, word);
}

void StateDigest::Add(const std::string& text) {
  Mix(text.size());
  Mix(Hash64(text));
}

// Everything up to the newest durable write is the same: there is nothing to wait for.
void StateDigest::Add(PersistSeq seq) { Mix(seq <= durable_ ? 0 : seq.value() - durable_.value()); }

void StateDigest::Add(Instant instant) {
  constexpr std::int64_t kFar = 1'000'000;
  const std::int64_t distance = (instant - now_).micros();
  Mix(static_cast<std::uint64_t>(std::clamp(distance, -kFar, kFar)));
}

void StateDigest::Add(const LogId& id) {
  const auto& [term, leader, index] = id;
  Each(term, leader, index);
}

void StateDigest::Add(const Digest& digest) { Each(digest.high, digest.low); }

void StateDigest::Add(const Membership& membership) {
  const auto& [configs, nodes, identity] = membership;
  Each(configs, nodes, identity);
}

void StateDigest::Add(const RecordedDisk& recorded) {
  const auto& [node, disk] = recorded;
  Each(node, disk);
}

void StateDigest::Add(const MembershipIdentity& identity) {
  const auto& [cluster, disks] = identity;
  Each(cluster, disks);
}

void StateDigest::Add(const Entry& entry) {
  const auto& [id, kind, payload, membership] = entry;
  Each(id, kind, payload, membership);
}

void StateDigest::Add(const HardState& state) {
  const auto& [term, voted_for, leader_established] = state;
  Each(term, voted_for, leader_established);
}

void StateDigest::Add(const SnapshotMeta& meta) {
  const auto& [last, membership_id, membership] = meta;
  Each(last, membership_id, membership);
}

void StateDigest::Add(const VoteRequest& m) {
  const auto& [term, pre_vote, last, transfer, recorded, indispensable] = m;
  Each(term, pre_vote, last, transfer, recorded, indispensable);
}

void StateDigest::Add(const VoteResponse& m) {
  const auto& [term, pre_vote, granted] = m;
  Each(term, pre_vote, granted);
}

void StateDigest::Add(const AppendRequest& m) {
  const auto& [term, prev, entries, commit_end, round, recorded] = m;
  Each(term, prev, entries, commit_end, round, recorded);
}

void StateDigest::Add(const AppendResponse& m) {
  const auto& [term, success, end, hint_term, refused, round, disk, no_space] = m;
  Each(term, success, end, hint_term, refused, round, disk, no_space);
}

void StateDigest::Add(const ReadIndexRequest& m) {
  const auto& [term, id] = m;
  Each(term, id);
}

void StateDigest::Add(const ReadIndexResponse& m) {
  const auto& [term, id, end] = m;
  Each(term, id, end);
}

void StateDigest::Add(const TimeoutNow& m) {
  const auto& [term] = m;
  Each(term);
}

void StateDigest::Add(const Persist& write) {
  const auto& [seq, hard_state, reset_to, truncate_from, append, purge_to] = write;
  Each(seq, hard_state, reset_to, truncate_from, append, purge_to);
}

void StateDigest::Add(const Log& log) {
  const auto& [purged, begin, end, runs, cache, cached_bytes] = log;
  Each(purged, begin, end, runs, cache, cached_bytes);
}

void StateDigest::Add(const Log::Run& run) {
  const auto& [first, term, leader] = run;
  Each(first, term, leader);
}

void StateDigest::Add(const Durability& durability) {
  const auto& [in_flight, issued, durable, durable_end] = durability;
  Each(in_flight, issued, durable, durable_end);
}

void StateDigest::Add(const Durability::Write& write) {
  const auto& [seq, end] = write;
  Each(seq, end);
}

void StateDigest::Add(const MembershipHistory& history) {
  const auto& [base_id, base, items] = history;
  Each(base_id, base, items);
}

void StateDigest::Add(const MembershipHistory::Item& item) {
  const auto& [id, membership] = item;
  Each(id, membership);
}

void StateDigest::Add(const Progress& progress) {
  const auto& [mode, match_end, next, commit_told, probe_sent, in_flight, in_flight_bytes, load, last_heard, round,
               disk, match_round, incarnation, stranger] = progress;
  Each(mode, match_end, next, commit_told, probe_sent, in_flight, in_flight_bytes, load, last_heard, round, disk,
       match_round, incarnation, stranger);
}

void StateDigest::Add(const Progress::Append& append) {
  const auto& [end, bytes] = append;
  Each(end, bytes);
}

void StateDigest::Add(const Uncommitted& uncommitted) {
  const auto& [items, bytes] = uncommitted;
  Each(items, bytes);
}

void StateDigest::Add(const Uncommitted::Item& item) {
  const auto& [index, bytes] = item;
  Each(index, bytes);
}

void StateDigest::Add(const Tracker& tracker) {
  const auto& [self, peers, farewells] = tracker;
  Each(self, peers, farewells);
}

void StateDigest::Add(const Tracker::Farewell& farewell) {
  const auto& [end, until, told_round] = farewell;
  Each(end, until, told_round);
}

void StateDigest::Add(const Votes& votes) {
  const auto& [answers, grant_count] = votes;
  Each(answers, grant_count);
}

void StateDigest::Add(const ReadQueue& reads) {
  const auto& [early, waiting, sent] = reads;
  Each(early, waiting, sent);
}

void StateDigest::Add(const ReadQueue::Item& item) {
  const auto& [id, from, end] = item;
  Each(id, from, end);
}

void StateDigest::Add(const ReadQueue::Sent& sent) {
  const auto& [round, item] = sent;
  Each(round, item);
}

void StateDigest::Add(const Follower& role) {
  const auto& [leader] = role;
  Each(leader);
}

void StateDigest::Add(const PreCandidate& role) {
  const auto& [votes] = role;
  Each(votes);
}

void StateDigest::Add(const Candidate& role) {
  const auto& [votes, own_vote] = role;
  Each(votes, own_vote);
}

void StateDigest::Add(const Leader& role) {
  const auto& [tracker, reads, uncommitted, lease, term_start, round, broadcast_due, heartbeat_at, quorum_check_at,
               changes, transfer, sent_timeout_now, since, new_disks] = role;
  Each(tracker, reads, uncommitted, lease, term_start, round, broadcast_due, changes, transfer, sent_timeout_now, since,
       new_disks);
}

void StateDigest::Add(const NewDisk& disk) {
  const auto& [id, entry_end] = disk;
  Each(id, entry_end);
}

void StateDigest::Add(const ChangeMembership& request) {
  const auto& [id, node, goal, disk] = request;
  Each(id, node, goal, disk);
}

void StateDigest::Add(const Change& change) {
  const auto& [request, stage, deadline, entry_end, added_learner, catch_up] = change;
  Each(request, stage, deadline, entry_end, added_learner, catch_up);
}

void StateDigest::Add(const ChangeQueue& changes) {
  const auto& [all] = changes;
  Each(all);
}

void StateDigest::Add(const CatchUp& catch_up) {
  const auto& [round_end, round_began, long_rounds, was_short, progress_end, progress_at] = catch_up;
  Each(round_end, round_began, long_rounds, was_short, progress_end, progress_at);
}

void StateDigest::Add(const Lease& lease) {
  const auto& [span, until, rounds] = lease;
  Each(span, until, rounds);
}

void StateDigest::Add(const Lease::Round& round) {
  const auto& [number, sent_at] = round;
  Each(number, sent_at);
}

void StateDigest::Add(const RunningTransfer& transfer) {
  const auto& [id, to, deadline, told] = transfer;
  Each(id, to, deadline, told);
}

void StateDigest::Add(const RaftCore& core) {
  const auto& [options, prng, hard_state, log, durability, hard_state_write, incarnation, disk_refused, membership,
               commit_end, emitted_end, loading_to_apply, space, role, election_at, sticky_until, started_until,
               led_until, disk, installing, quarantined, forwarded_reads, now, write, write_due, out] = core;
  Each(options.id, hard_state, log, durability, hard_state_write, incarnation, disk_refused, membership, commit_end,
       emitted_end, loading_to_apply, space, role, disk, installing, quarantined, forwarded_reads);
}

}  // namespace metasrv
