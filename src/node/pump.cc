#include "node/pump.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "consensus/core.h"
#include "node/wire.h"

namespace metasrv::node {
namespace {

RaftView ViewOf(const Raft& raft, NodeId id) {
  const RaftCore& core = raft.core();
  const auto* leads = std::get_if<Leader>(&core.role());
  RaftView view{leads != nullptr, core.hard_state().term, std::nullopt, std::nullopt};
  if (leads != nullptr) view.leader = id;
  if (core.IsTransferring()) view.successor = leads->transfer->to;
  if (const auto* follower = std::get_if<Follower>(&core.role())) view.leader = follower->leader;
  return view;
}

// The state machine's form of committed entries; views into them and into `memberships`.
std::vector<sm::LogEntry> ToLogEntries(std::span<const Entry> entries, std::deque<pb::StoredMembership>& memberships) {
  std::vector<sm::LogEntry> out;
  out.reserve(entries.size());
  for (const Entry& entry : entries) {
    sm::LogEntry& added = out.emplace_back(sm::LogEntry{entry.id, {}, nullptr, nullptr});
    if (entry.kind == EntryKind::kNormal) added.command = *entry.payload;
    if (entry.kind != EntryKind::kMembership) continue;
    const auto& stored = memberships.emplace_back(ToStored({entry.id, entry.id, *entry.membership}));
    added.membership = &stored.membership();
    added.identity = &stored.identity();
  }
  return out;
}

}  // namespace

Pump::Pump(Context& context, Raft raft, sm::Machine& machine, PumpListener& listener, StoredFacts stored,
           std::uint64_t log_time)
    : context_(context),
      raft_(std::move(raft)),
      machine_(machine),
      listener_(listener),
      clock_guard_(context.env.clock, context.options.raft),
      tick_(context.env.loop),
      stored_(std::move(stored)),
      written_committed_(stored_.committed),
      log_time_(log_time) {
  view_ = ViewOf(raft_, context_.id());
  // An answer to a question of an earlier incarnation may still be on its way; it must not answer one of this.
  const auto now = static_cast<std::uint64_t>(context_.Now().micros());
  last_request_id_ = MixHash(Prng(context_.env.random_seed).Fork("requests").Next(), now);
}

void Pump::Start(std::vector<io::LogBatch> first_writes, std::function<void()> settled) {
  first_writes_ = first_writes.size();
  settled_ = std::move(settled);
  for (io::LogBatch& batch : first_writes) Write(std::move(batch), PersistSeq(0));
  ArmTimer();
  if (first_writes_ == 0) std::exchange(settled_, nullptr)();
}

void Pump::NoteInstalled(const LogId& last) { NoteCommitted(last); }

void Pump::Stop() {
  stopped_ = true;
  tick_.Cancel();
  inputs_.clear();
  held_.clear();
}

void Pump::Fail(const std::string& reason) {
  if (stopped_) return;
  Stop();
  listener_.OnFatal(reason);
}

bool Pump::HasRoomFor(std::size_t bytes) const {
  const std::size_t bytes_max = context_.options.raft.uncommitted_bytes_max;
  return bytes <= bytes_max && std::get<Leader>(raft_.core().role()).uncommitted.HasRoom(bytes, bytes_max);
}

bool Pump::committing() const { return raft_.core().commit_end() < raft_.core().log().end(); }

LogIndex Pump::applied_end() const {
  const auto last = machine_.last_applied();
  return last ? last->index.Next() : LogIndex(0);
}

std::uint64_t Pump::log_time() const { return std::max(log_time_, machine_.log_time().value()); }

void Pump::Feed(Input input) {
  if (stopped_) return;
  inputs_.push_back(std::move(input));
  if (running_) return;
  running_ = true;
  while (!inputs_.empty()) {
    while (!inputs_.empty()) {
      Input next = std::move(inputs_.front());
      inputs_.pop_front();
      RunStep(std::move(next));
    }
    if (!stopped_) listener_.OnQuiet();
  }
  running_ = false;
  if (!stopped_) ArmTimer();
}

void Pump::RunStep(Input input) {
  if (const auto jump = clock_guard_.Check(raft_.next_deadline())) {
    RunOutput(raft_.Step(context_.Now(), *jump));
    if (stopped_) return;
  }
  RunOutput(raft_.Step(context_.Now(), std::move(input)));
}

// Any callback may stop the node; what is left of the output is then void.
void Pump::RunOutput(Output out) {
  for (const TraceEvent& event : out.trace) {
    context_.Emit(event);
    listener_.OnTrace(event);
  }
  RefreshView();
  for (const Proposed& proposed : out.proposed) listener_.OnProposed(proposed);
  if (!out.committed.empty()) NoteCommitted(out.committed.back().id);
  if (!stopped_ && out.persist) Store(std::move(*out.persist));
  if (!stopped_) SendOrHold(std::move(out.messages));
  if (!stopped_ && !out.committed.empty()) Apply(out.committed);
  if (stopped_) return;
  for (const ReadReady& read : out.reads) listener_.OnReadReady(read);
  AnswerAppliedChanges();
  for (MembershipDone& done : out.membership_done) NoteChangeDone(std::move(done));
  for (const LoadEntries& load : out.loads) Load(load);
  for (const TransferDone& done : out.transfer_done) listener_.OnTransferDone(done);
  for (const NodeId to : out.cancel_snapshots) listener_.OnCancelSnapshot(to);
  for (const SendSnapshot& send : out.send_snapshots) listener_.OnSendSnapshot(send);
  if (!stopped_ && out.install_snapshot) listener_.OnInstallSnapshot(*out.install_snapshot);
}

void Pump::RefreshView() {
  const RaftView now = ViewOf(raft_, context_.id());
  if (now == view_) return;
  if (now.leader && now.leader != last_leader_) {
    ++leader_changes_;
    last_leader_ = now.leader;
  }
  view_ = now;
}

// What was imported may be ahead of what this node knows to be committed.
void Pump::NoteCommitted(const LogId& last) {
  if (!stored_.committed || stored_.committed->index < last.index) stored_.committed = last;
}

void Pump::Store(Persist persist) {
  io::LogBatch batch;
  batch.hard_state = persist.hard_state;
  batch.reset_to = persist.reset_to;
  batch.truncate_from = persist.truncate_from;
  batch.purge_to = persist.purge_to;
  const bool carries_committed = persist.hard_state || !persist.append.empty();
  if (carries_committed && stored_.committed && stored_.committed != written_committed_) {
    batch.committed = written_committed_ = stored_.committed;
  }
  if (!persist.append.empty() || persist.reset_to) {
    const auto start = std::exchange(stored_.reset_later, std::nullopt);
    if (!batch.reset_to) batch.reset_to = start;
  }
  batch.append = std::move(persist.append);
  // Acknowledgements of others may come first, and then this disk holds nobody up.
  batch.in_background = view_.leads && raft_.core().membership().current().nodes.size() > 1;
  NoteStored(batch);
  issued_ = persist.seq;
  Write(std::move(batch), persist.seq);
}

void Pump::Write(io::LogBatch batch, PersistSeq seq) {
  listener_.OnLogWrite();
  context_.env.log_store.Write(std::move(batch),
                               context_.lifetime.Guard([this, seq, issued = context_.Now()](const auto& result) {
                                 OnStored(seq, issued, result);
                               }));
}

void Pump::NoteStored(const io::LogBatch& batch) {
  if (batch.hard_state) stored_.hard_state = batch.hard_state;
  if (batch.reset_to) stored_.purged = batch.reset_to;
  if (batch.purge_to) stored_.purged = batch.purge_to;
  for (const Entry& entry : batch.append) {
    if (entry.kind == EntryKind::kNormal) log_time_ = std::max(log_time_, PeekTime(*entry.payload).value_or(0));
  }
}

void Pump::OnStored(PersistSeq seq, Instant issued, const std::expected<void, io::Error>& result) {
  if (stopped_) return;
  if (!result)
    return Fail("log store: " + std::string(io::ToString(result.error().kind)) + ": " + result.error().detail);
  context_.Measure(Stage::kPersist, issued);
  listener_.OnLogWritten();
  if (seq == PersistSeq(0)) return OnFirstWrite();  // consensus does not know of it
  durable_ = std::max(durable_, seq);
  ReleaseHeld();
  Feed(Persisted{seq});
}

void Pump::Load(const LoadEntries& load) {
  context_.env.log_store.Read(load.begin, load.end, load.bytes_max, context_.lifetime.Guard([this, load](auto result) {
    OnLoaded(load, std::move(result));
  }));
}

void Pump::OnLoaded(const LoadEntries& load, std::expected<std::vector<Entry>, io::Error> result) {
  if (stopped_) return;
  if (!result) {
    return Fail("log store: " + std::string(io::ToString(result.error().kind)) + ": " + result.error().detail);
  }
  // What waits to be applied is durable and is not purged before it was.
  const bool missing = !load.peer && result->empty() && raft_.core().emitted_end() == load.begin;
  if (missing) return Fail("log store: entry " + std::to_string(load.begin.value()) + " is missing");
  Feed(EntriesLoaded{load.peer, load.begin, std::move(*result)});
}

// Only a node whose name and disk are written down speaks: nobody may count on a disk that a crash makes unknown.
void Pump::OnFirstWrite() {
  CHECK_GT(first_writes_, 0U);
  if (--first_writes_ > 0) return;
  ReleaseHeld();
  std::exchange(settled_, nullptr)();
}

void Pump::SendOrHold(std::vector<Outgoing> messages) {
  for (Outgoing& message : messages) {
    if (first_writes_ == 0 && message.after <= durable_) {
      listener_.OnSend(message.to, message.message);
    } else {
      held_.push_back(std::move(message));
    }
  }
}

void Pump::ReleaseHeld() {
  while (first_writes_ == 0 && !held_.empty() && held_.front().after <= durable_) {
    const Outgoing message = std::move(held_.front());
    held_.pop_front();
    listener_.OnSend(message.to, message.message);
  }
}

// A batch ends at a checkpoint, so that the state hash of that index is there to be read.
void Pump::Apply(const std::vector<Entry>& entries) {
  const std::uint64_t interval = context_.options.checkpoint_interval;
  std::span<const Entry> rest(entries);
  while (!rest.empty() && !stopped_) {
    std::size_t count = rest.size();
    if (interval > 0) count = std::min<std::size_t>(count, interval - rest.front().id.index.value() % interval);
    ApplyPiece(rest.first(count));
    rest = rest.subspan(count);
  }
}

void Pump::ApplyPiece(std::span<const Entry> entries) {
  std::deque<pb::StoredMembership> memberships;
  const Instant start = context_.Now();
  auto applied = machine_.Apply(ToLogEntries(entries, memberships));
  if (!applied) return Fail("state store: a write failed");
  context_.Measure(Stage::kApply, start);
  context_.Emit({TraceKind::kApplied, applied_end().value(), 0, {}});
  for (std::size_t i = 0; i < entries.size() && !stopped_; ++i) listener_.OnApplied(entries[i], (*applied)[i]);
  if (!stopped_) listener_.OnBatchApplied();
}

// The others may commit what is not durable here yet, and so not applied: who asked would not see it on this node.
void Pump::NoteChangeDone(MembershipDone done) {
  const LogIndex commit_end = raft_.core().commit_end();
  const bool must_wait = done.result == MembershipResult::kDone && applied_end() < commit_end;
  if (!must_wait) return listener_.OnMembershipDone(done);
  changes_done_.emplace_back(commit_end, std::move(done));
}

void Pump::AnswerAppliedChanges() {
  while (!changes_done_.empty() && changes_done_.front().first <= applied_end()) {
    const MembershipDone done = std::move(changes_done_.front().second);
    changes_done_.pop_front();
    listener_.OnMembershipDone(done);
  }
}

void Pump::ArmTimer() {
  const Instant deadline = raft_.next_deadline();
  if (deadline == Instant::Never()) return;
  // A deadline that moved back is noticed when the timer fires: re-arming for every message would cost more.
  tick_.SetAtLatest(deadline, [this] {
    if (context_.Now() >= raft_.next_deadline()) {
      Feed(Tick{});
    } else {
      ArmTimer();
    }
  });
}

}  // namespace metasrv::node
