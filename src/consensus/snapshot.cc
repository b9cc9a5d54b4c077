// Snapshots, as far as consensus is concerned: when one is needed, and what installing one does to log, commit point
// and membership (thesis §5; K9).
#include <algorithm>

#include "common/check.h"
#include "consensus/core.h"

namespace metasrv {

void RaftCore::Handle(const SnapshotSent& sent) {
  auto* leader = std::get_if<Leader>(&role_);
  Progress* progress = leader ? leader->tracker.Find(sent.to) : nullptr;
  if (progress == nullptr || progress->mode() != Progress::Mode::kSnapshot) return;
  const bool counts = sent.delivered && sent.last && AdmitProgress(sent.to, sent.incarnation, nullptr);
  if (progress->mode() != Progress::Mode::kSnapshot) return;  // another disk than the one it was sent to
  progress->EndSnapshot(counts ? sent.last->index.Next() : LogIndex(0), leader->round);
  AdvanceCommit();
  AdvanceChanges();
}

void RaftCore::Handle(const SnapshotReceived& received) {
  if (received.term < hard_state_.term || installing_) return;
  if (received.term > hard_state_.term) BecomeFollower(received.term, received.from);
  if (std::holds_alternative<Leader>(role_)) return;
  FollowLeader(received.from);
  // What is committed here already is never replaced by something older; a wrong state by nothing that was applied
  // earlier, and the log brings the rest.
  const LogIndex needed = quarantined_ ? emitted_end_ : LogIndex(commit_end_.value() + 1);
  if (!received.meta.last || received.meta.last->index.Next() < needed) return;
  installing_ = received.meta;
  out_.install_snapshot = received.meta;
}

void RaftCore::Handle(const SnapshotInstalled& installed) {
  CHECK(installing_.has_value());
  CHECK(*installing_ == installed.meta);
  installing_.reset();
  quarantined_ = false;
  const LogId last = *installed.meta.last;
  // Entries behind a matching one may have been acknowledged and must stay; anything else was never committed.
  const std::optional<LogId> own = log_.IdAt(last.index);
  const bool keeps_suffix = own && *own == last;
  if (!keeps_suffix) {
    log_.Reset(last);
    membership_.TruncateFrom(LogIndex(0));
    write_.reset_to = last;
    write_due_ = true;
  } else if (last.index >= log_.begin()) {
    log_.PurgeTo(last);
    write_.purge_to = last;
    write_due_ = true;
  }
  membership_.Rebase(last.index, installed.meta.membership_id, installed.meta.membership);
  SetCommitEnd(std::max(commit_end_, last.index.Next()));
  emitted_end_ = std::max(emitted_end_, last.index.Next());
  if (keeps_suffix) durability_.CoverTo(last.index.Next());
  ResetElectionTimer();
  Trace(TraceKind::kSnapshotInstalled, last.index.value());
}

// The log is right, so this node goes on to store, acknowledge and vote. It must not lead: leaders pin and send states.
void RaftCore::Handle(const Quarantine&) {
  if (installing_) return;
  quarantined_ = true;
  if (!std::holds_alternative<Follower>(role_)) BecomeFollower(hard_state_.term, std::nullopt);
  CHECK(!MayCampaign());
}

void RaftCore::Handle(const SnapshotWanted& wanted) {
  auto* leader = std::get_if<Leader>(&role_);
  Progress* progress = leader ? leader->tracker.Find(wanted.from) : nullptr;
  if (progress == nullptr || progress->mode() == Progress::Mode::kSnapshot) return;
  progress->StartSnapshot();
  out_.send_snapshots.push_back({wanted.from, hard_state_.term});
}

}  // namespace metasrv
