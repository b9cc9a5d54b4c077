#include "node/reads.h"

#include <algorithm>
#include <utility>

namespace metasrv::node {
namespace {

// Pause before a question that nobody could answer is repeated.
constexpr Duration kAskAgain = Duration::Millis(50);

}  // namespace

Reads::Reads(Context& context, Pump& pump) : context_(context), pump_(pump), timer_(context.env.loop) {}

void Reads::Add(ReadDone done) {
  if (stopped_) return Refuse(std::move(done), ReadStatus::kStopped);
  if (barred_) return Refuse(std::move(done), ReadStatus::kNoLeader);
  if (waiting_ >= context_.options.pending_reads_max) return Refuse(std::move(done), ReadStatus::kBusy);
  ++waiting_;
  arriving_.push_back(std::move(done));
  if (arriving_.size() == 1) context_.env.loop.Post(context_.lifetime.Guard([this] { AskNew(); }));
}

void Reads::Refuse(ReadDone done, ReadStatus status) const {
  ReadResult result;
  result.status = status;
  result.leader = pump_.view().leader;
  done(std::move(result));
}

void Reads::AskNew() {
  if (arriving_.empty()) return;
  const std::uint64_t key = ++last_batch_;
  Batch& batch = batches_[key];
  batch.readers = std::exchange(arriving_, {});
  batch.since = context_.Now();
  batch.give_up = context_.Now() + context_.options.leader_wait;
  Ask(key, batch);
}

// The message to the leader, or its answer, may get lost; so the question is repeated after a while in any case.
void Reads::Ask(std::uint64_t key, Batch& batch) {
  const RequestId id = pump_.NextRequestId();
  batch.asked.push_back(id);
  batch_of_[id] = key;
  batch.ask_at = context_.Now() + context_.options.leader_wait / 8;
  ArmTimer(std::min(batch.ask_at, batch.give_up));
  pump_.Feed(metasrv::Read{id});
}

void Reads::OnReadReady(const ReadReady& ready) {
  const auto asked = batch_of_.find(ready.id);
  if (asked == batch_of_.end()) return;
  const auto found = batches_.find(asked->second);
  batch_of_.erase(asked);
  if (found == batches_.end() || found->second.end) return;
  Batch& batch = found->second;
  if (!ready.end) {
    batch.ask_at = std::min(batch.ask_at, context_.Now() + kAskAgain);
    return ArmTimer(batch.ask_at);
  }
  batch.end = ready.end;
  context_.Measure(Stage::kConfirmRead, batch.since);
  if (pump_.applied_end() >= *ready.end) return Serve(found);
  // A leader answered; from here on it is a matter of catching up.
  batch.give_up = context_.Now() + context_.options.write_timeout;
  ArmTimer(batch.give_up);
}

void Reads::OnQuiet() {
  const LogIndex applied = pump_.applied_end();
  if (applied != served_end_) {
    served_end_ = applied;
    std::vector<std::uint64_t> served;
    for (const auto& [key, batch] : batches_) {
      if (batch.end && *batch.end <= applied) served.push_back(key);
    }
    for (const std::uint64_t key : served) {
      if (auto found = batches_.find(key); found != batches_.end()) Serve(found);
    }
  }
  if (view_ == pump_.view()) return;
  view_ = pump_.view();
  if (!view_.leader) return;
  for (auto& [key, batch] : batches_) batch.ask_at = context_.Now();
  if (!batches_.empty()) ArmTimer(context_.Now());
}

void Reads::Serve(Batches::iterator found) {
  Batch batch = std::move(found->second);
  batches_.erase(found);
  Forget(batch);
  ReadResult result;
  result.status = ReadStatus::kReady;
  result.state = context_.env.state_store.NewSnapshot();
  result.now = context_.env.clock.WallNow();
  result.applied_end = pump_.applied_end();
  result.leader = pump_.view().leader;
  for (ReadDone& done : batch.readers) done(result);
}

void Reads::Fail(Batches::iterator found, ReadStatus status) {
  Batch batch = std::move(found->second);
  batches_.erase(found);
  Forget(batch);
  ReadResult result;
  result.status = status;
  result.leader = pump_.view().leader;
  for (ReadDone& done : batch.readers) done(result);
}

void Reads::Forget(const Batch& batch) {
  waiting_ -= batch.readers.size();
  for (const RequestId id : batch.asked) batch_of_.erase(id);
}

void Reads::ArmTimer(Instant at) {
  timer_.SetAtLatest(at, [this] { Revisit(); });
}

void Reads::Revisit() {
  const Instant now = context_.Now();
  std::vector<std::uint64_t> late;
  std::vector<std::uint64_t> ask;
  Instant next = Instant::Never();
  for (const auto& [key, batch] : batches_) {
    if (now >= batch.give_up) {
      late.push_back(key);
    } else if (!batch.end && now >= batch.ask_at) {
      ask.push_back(key);
    } else {
      next = std::min(next, batch.end ? batch.give_up : std::min(batch.ask_at, batch.give_up));
    }
  }
  if (next != Instant::Never()) ArmTimer(next);
  for (const std::uint64_t key : ask) {
    if (auto found = batches_.find(key); found != batches_.end()) Ask(key, found->second);
  }
  for (const std::uint64_t key : late) {
    if (auto found = batches_.find(key); found != batches_.end()) Fail(found, ReadStatus::kNoLeader);
  }
}

void Reads::SetBarred(bool barred) {
  barred_ = barred;
  if (!barred) return;
  ReadResult result;
  result.status = ReadStatus::kNoLeader;
  auto arriving = std::exchange(arriving_, {});
  waiting_ -= arriving.size();
  for (ReadDone& done : arriving) done(result);
  while (!batches_.empty()) Fail(batches_.begin(), ReadStatus::kNoLeader);
}

void Reads::Stop() {
  stopped_ = true;
  timer_.Cancel();
  ReadResult result;
  result.status = ReadStatus::kStopped;
  auto arriving = std::exchange(arriving_, {});
  for (ReadDone& done : arriving) done(result);
  while (!batches_.empty()) Fail(batches_.begin(), ReadStatus::kStopped);
}

}  // namespace metasrv::node
