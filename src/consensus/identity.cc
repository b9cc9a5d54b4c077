// Which disks count: a voter is a pair of node id and incarnation (docs/decisions/0013; thesis §3.2, §4.1).
#include "consensus/identity.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/core.h"

namespace metasrv {

Incarnation MembershipIdentity::Recorded(NodeId id) const {
  const auto found = std::ranges::find(disks, id, &RecordedDisk::node);
  return found == disks.end() ? Incarnation() : found->disk;
}

void MembershipIdentity::Record(NodeId id, Incarnation disk) {
  CHECK(disk != Incarnation());
  const auto found = std::ranges::find(disks, id, &RecordedDisk::node);
  if (found == disks.end()) {
    disks.push_back({id, disk});
  } else {
    found->disk = disk;
  }
}

Incarnation MakeIncarnation(std::uint64_t random, bool started_empty) {
  return Incarnation(started_empty ? random | 1 : std::max<std::uint64_t>(random & ~std::uint64_t{1}, 2));
}

bool StartedEmpty(Incarnation disk) { return (disk.value() & 1) != 0; }

bool Counts(Incarnation recorded, Incarnation disk) {
  return recorded == Incarnation() ? !StartedEmpty(disk) : recorded == disk;
}

bool RaftCore::CountsDisk(NodeId voter, Incarnation disk) const {
  return Counts(membership_.current().identity.Recorded(voter), disk);
}

// Every config has this node and at most one other voter. Then every quorum of this membership contains this node, and
// so does every quorum of whatever membership came after it: that one had to be stored here first.
bool RaftCore::IsIndispensable() const {
  const auto& configs = membership_.current().configs;
  return !configs.empty() && std::ranges::all_of(configs, [this](const NodeSet& config) {
    return config.size() <= 2 && Contains(config, options_.id);
  });
}

// A vote is a promise about a log, so only the disk that made the log's promises may give it.
bool RaftCore::MayVote(const VoteRequest& request) {
  if (MutantOn(Mutant::kI01) || request.indispensable || Counts(request.recorded, incarnation_)) return true;
  Trace(TraceKind::kWipedVoterRefused, request.term.value(), request.recorded.value());
  return false;
}

void RaftCore::StampRecordedDisks() {
  const MembershipIdentity& identity = membership_.current().identity;
  for (Outgoing& outgoing : out_.messages) {
    if (auto* vote = std::get_if<VoteRequest>(&outgoing.message)) {
      vote->recorded = identity.Recorded(outgoing.to);
      vote->indispensable = IsIndispensable();
    } else if (auto* append = std::get_if<AppendRequest>(&outgoing.message)) {
      append->recorded = identity.Recorded(outgoing.to);
    }
  }
}

// The leader says which disk counts for this node; none is said to a learner, which may have any.
void RaftCore::NoteRecordedDisk(const AppendRequest& request) {
  const bool refused = request.recorded != Incarnation() && request.recorded != incarnation_;
  if (refused && !disk_refused_) Trace(TraceKind::kDiskRefused, hard_state_.term.value(), request.recorded.value());
  disk_refused_ = refused;
}

// Whether what `from` answered may be looked at: an answer from a disk that does not count is as good as none.
bool RaftCore::AdmitAnswer(const Received& received) {
  if (std::holds_alternative<VoteResponse>(received.message)) {
    if (MutantOn(Mutant::kI01) || IsIndispensable() || CountsDisk(received.from, received.incarnation)) return true;
    Trace(TraceKind::kForeignDisk, received.from.value(), received.incarnation.value());
    return false;
  }
  if (const auto* request = std::get_if<AppendRequest>(&received.message)) NoteRecordedDisk(*request);
  const auto* response = std::get_if<AppendResponse>(&received.message);
  return response == nullptr || AdmitProgress(received.from, received.incarnation, response);
}

bool RaftCore::AdmitProgress(NodeId from, Incarnation disk, const AppendResponse* response) {
  auto* leader = std::get_if<Leader>(&role_);
  Progress* progress = leader ? leader->tracker.Find(from) : nullptr;
  if (progress == nullptr) return true;
  if (membership_.current().IsVoter(from) && !CountsDisk(from, disk) && !MutantOn(Mutant::kI02)) {
    const bool late = response != nullptr && response->round <= progress->round();
    if (!late && !progress->NoteStranger(disk)) Trace(TraceKind::kForeignDisk, from.value(), disk.value());
    // While nobody else can be elected, anything that is alive keeps this node in office, so that it can repair.
    if (response != nullptr && IsIndispensable()) progress->Heard(now_, 0);
    return false;
  }
  progress->ForgetStranger();
  if (progress->incarnation() == Incarnation() || MutantOn(Mutant::kI02)) {
    // Nothing was acknowledged by nobody; disks without a name are for tests that do not care.
    if (disk != Incarnation() && !MutantOn(Mutant::kI02)) CHECK_EQ(progress->match_end(), LogIndex(0));
    progress->SetIncarnation(disk);
  } else if (progress->incarnation() != disk) {
    // A late answer of the disk before this one: each disk that comes next answers to newer rounds.
    if (response != nullptr && response->round <= progress->round()) return false;
    RestartPeer(from, *progress, disk);
  }
  if (response != nullptr && progress->LostTail(*response)) {
    // The same disk, in the same term, without entries that it said were durable.
    Trace(TraceKind::kDiskLied, from.value(), progress->match_end().value());
    RestartPeer(from, *progress, disk);
  }
  return true;
}

// Whatever `peer` promised was promised by another disk, or is broken: it starts again from nothing.
void RaftCore::RestartPeer(NodeId peer, Progress& progress, Incarnation disk) {
  if (progress.mode() == Progress::Mode::kSnapshot) out_.cancel_snapshots.push_back(peer);
  progress.Restart(disk, log_.end());
  CHECK_EQ(progress.match_end(), LogIndex(0));
}

void RaftCore::ForgetReplacedDisks() {
  for (auto& [id, progress] : std::get<Leader>(role_).tracker.peers()) {
    const bool voter = membership_.current().IsVoter(id);
    if (voter && progress.incarnation() != Incarnation() && !CountsDisk(id, progress.incarnation())) {
      RestartPeer(id, progress, Incarnation());
    }
  }
}

Incarnation RaftCore::DiskOf(NodeId id) const {
  if (id == options_.id) return incarnation_;
  const Progress* progress = std::get<Leader>(role_).tracker.Find(id);
  return progress ? progress->incarnation() : Incarnation();
}

// What a new membership says of its voters' disks: those that were recorded stay, a new voter is the disk that caught
// up, and what was not known becomes so.
Membership RaftCore::WithIdentity(Membership next) {
  const Membership& now = membership_.current();
  MembershipIdentity identity{.cluster = now.identity.cluster, .disks = {}};
  if (identity.cluster == ClusterId() && incarnation_ != Incarnation()) identity.cluster = ClusterId(prng_.Next() | 1);
  for (const NodeId id : next.Voters()) {
    Incarnation disk = now.IsVoter(id) ? now.identity.Recorded(id) : DiskOf(id);
    if (disk == Incarnation() && Counts(disk, DiskOf(id))) disk = DiskOf(id);
    if (disk != Incarnation()) identity.Record(id, disk);
  }
  CHECK(now.identity.cluster == ClusterId() || identity.cluster == now.identity.cluster);
  CHECK_LE(identity.disks.size(), next.Voters().size());
  next.identity = std::move(identity);
  return next;
}

// After an import nothing is recorded. One entry says it for all once everybody was heard; if somebody stays silent,
// for those that were.
void RaftCore::RecordKnownDisks() {
  const auto& leader = std::get<Leader>(role_);
  const Membership& now = membership_.current();
  if (!MembershipIsSettled() || !leader.changes.empty() || IsTransferring() || now.configs.empty()) return;
  const NodeSet voters = now.Voters();
  if (voters.size() < 2) return;
  const auto recorded = [&](NodeId id) { return now.identity.Recorded(id) != Incarnation(); };
  const auto known = [&](NodeId id) { return recorded(id) || DiskOf(id) != Incarnation(); };
  if (std::ranges::none_of(voters, [&](NodeId id) { return !recorded(id) && known(id); })) return;
  const bool waited = now_ >= leader.since + options_.promote_timeout;
  if (!std::ranges::all_of(voters, known) && !waited) return;
  ProposeMembership(now);
  CHECK(CountsDisk(options_.id, incarnation_));
  Trace(TraceKind::kDisksRecorded, membership_.current_id()->index.value());
}

// --- a replaced disk asks to be counted again (operations.md §2.7, "same id, same address, empty directory")

// None: the change is not about a voter's disk. A request may be late: only the disk that answers for the node now may
// take the place of the one that counts, which otherwise lives.
std::optional<MembershipResult> RaftCore::AnswerDisk(const ChangeMembership& change) const {
  const bool asks = change.goal == MembershipGoal::kVoter && change.disk != Incarnation();
  const auto* leader = std::get_if<Leader>(&role_);
  if (!asks || leader == nullptr || !membership_.current().IsVoter(change.node)) return std::nullopt;
  if (CountsDisk(change.node, change.disk)) return std::nullopt;
  const Progress* progress = leader->tracker.Find(change.node);
  const bool answers = progress != nullptr && progress->stranger() == change.disk;
  return answers ? MembershipResult::kOtherDisk : MembershipResult::kSilentDisk;
}

// Two voters, one with a new disk: no quorum of the old disks is left that could commit a removal. But all their
// quorums contain this leader, as all quorums of the new pair do, so the two memberships overlap in it and one step is
// as safe as any single-server change (thesis §4.1). The entry commits once the new disk holds everything before it.
void RaftCore::RecordNewDisk(const ChangeMembership& change) {
  auto& leader = std::get<Leader>(role_);
  CHECK(IsIndispensable());
  CHECK(change.node != options_.id);
  Membership next = WithIdentity(membership_.current());
  next.identity.Record(change.node, change.disk);
  AppendMembership(std::move(next));
  CHECK(CountsDisk(change.node, change.disk));
  CHECK(IsIndispensable());  // still: the voters are the same
  leader.new_disks.push_back({change.id, log_.end()});
  Trace(TraceKind::kDiskReplaced, change.node.value(), change.disk.value());
}

void RaftCore::AnswerNewDisks() {
  auto& waiting = std::get<Leader>(role_).new_disks;
  while (!waiting.empty() && waiting.front().entry_end <= commit_end_) {
    out_.membership_done.push_back({.id = waiting.front().id, .result = MembershipResult::kDone, .unreachable = {}});
    waiting.erase(waiting.begin());
  }
}

}  // namespace metasrv
