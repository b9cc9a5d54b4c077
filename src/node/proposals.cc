#include "node/proposals.h"

#include <algorithm>

#include "common/check.h"
#include "sm/growth.h"

namespace metasrv::node {
namespace {

// Deadlines are looked at no more often than this, so that expiring many writes stays cheap.
constexpr Duration kExpiryStep = Duration::Millis(50);

}  // namespace

WriteResult ToWriteResult(Outcome outcome) {
  WriteResult result;
  result.entry = outcome.entry;
  result.forwarded_to = outcome.forwarded_to;
  result.detail = std::move(*outcome.reply.mutable_detail());
  switch (outcome.reply.error()) {
    case pb::FORWARD_OK:
      result.status = WriteStatus::kApplied;
      result.reply = std::move(*outcome.reply.mutable_applied());
      break;
    case pb::FORWARD_NO_LEADER:
    case pb::FORWARD_TOO_MANY_HOPS:
      result.status = outcome.stopped ? WriteStatus::kStopped : WriteStatus::kNoLeader;
      break;
    case pb::FORWARD_UNREACHABLE: result.status = WriteStatus::kUnreachable; break;
    case pb::FORWARD_BUSY: result.status = WriteStatus::kBusy; break;
    case pb::FORWARD_NO_SPACE: result.status = WriteStatus::kNoSpace; break;
    case pb::FORWARD_REFUSED: result.status = WriteStatus::kRefused; break;
    default: result.status = WriteStatus::kUnknown; break;
  }
  return result;
}

Proposals::Proposals(Context& context, Pump& pump) : context_(context), pump_(pump), timer_(context.env.loop) {}

void Proposals::Propose(std::vector<LocalWrite> writes) {
  struct TooLarge {
    OutcomeDone done;
    std::size_t size;
  };
  std::vector<TooLarge> refused;
  metasrv::Propose batch;
  batch.proposals.reserve(writes.size());
  for (LocalWrite& write : writes) {
    const bool exempt = !sm::MayGrow(write.command);
    std::string payload = Serialize(std::move(write.command));
    if (payload.size() > context_.options.command_bytes_max) {
      refused.push_back({std::move(write.done), payload.size()});
      continue;
    }
    const RequestId id = pump_.NextRequestId();
    unplaced_.emplace(id, Waiter{context_.Now(), write.deadline, std::move(write.done)});
    batch.proposals.push_back({id, std::move(payload), exempt});
    ArmTimer(write.deadline);
  }
  if (!batch.proposals.empty()) pump_.Feed(std::move(batch));
  for (TooLarge& write : refused) {
    write.done(Failed(pb::FORWARD_REFUSED, "the command has " + std::to_string(write.size) + " bytes, allowed are " +
                                               std::to_string(context_.options.command_bytes_max)));
  }
}

// Log time never runs backwards, whatever the wall clock of this or an earlier leader did (spec ruling 3).
std::string Proposals::Serialize(pb::Command command) {
  last_time_ = std::max({last_time_, context_.env.clock.WallNow().value(), pump_.log_time()});
  command.set_time_ms(last_time_);
  return command.SerializeAsString();
}

void Proposals::OnProposed(const Proposed& proposed) {
  auto found = unplaced_.find(proposed.id);
  if (found == unplaced_.end()) return;
  Waiter waiter = std::move(found->second);
  unplaced_.erase(found);
  if (proposed.over_limit) {
    return waiter.done(Failed(pb::FORWARD_BUSY, "the leader waits for its quorum or its disk"));
  }
  if (!proposed.entry) {
    waiter.done(Failed(pb::FORWARD_NO_LEADER, "this node does not lead"));
    return;
  }
  const bool added = waiting_.emplace(Place{proposed.entry->index, proposed.entry->term}, std::move(waiter)).second;
  CHECK(added);
}

void Proposals::OnApplied(const LogId& id, pb::AppliedState& reply) {
  while (!waiting_.empty() && waiting_.begin()->first.first <= id.index) {
    const auto waiter = waiting_.begin();
    if (waiter->first == Place{id.index, id.term}) {
      context_.Measure(Stage::kCommit, waiter->second.since);
      Outcome outcome;
      *outcome.reply.mutable_applied() = std::move(reply);
      outcome.reply.set_leader(context_.id().value());
      outcome.entry = id;
      Answer(waiter, std::move(outcome));
    } else {
      Answer(waiter, Failed(pb::FORWARD_NO_LEADER, "another leader's entry took the place of this one"));
    }
  }
}

void Proposals::OnInstalled(const LogId& last) {
  while (!waiting_.empty() && waiting_.begin()->first.first <= last.index) {
    Answer(waiting_.begin(), Failed(pb::FORWARD_UNKNOWN, "a snapshot replaced the state"));
  }
}

void Proposals::OnView(const RaftView& view) {
  if (view == view_) return;
  view_ = view;
  // The next leader settles these soon, if there is one; a client should not wait longer for it than for any leader.
  const Instant patience = context_.Now() + context_.options.leader_wait;
  for (auto& [place, waiter] : waiting_) {
    const bool own = view.leads && place.second == view.term;
    if (!own) waiter.deadline = std::min(waiter.deadline, patience);
  }
  if (!waiting_.empty()) ArmTimer(patience);
}

void Proposals::Answer(std::map<Place, Waiter>::iterator waiter, Outcome outcome) {
  OutcomeDone done = std::move(waiter->second.done);
  waiting_.erase(waiter);
  done(std::move(outcome));
}

void Proposals::ArmTimer(Instant deadline) {
  timer_.SetAtLatest(deadline, [this] { Expire(); });
}

void Proposals::Expire() {
  const Instant now = context_.Now();
  std::vector<OutcomeDone> expired;
  Instant next = Instant::Never();
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->second.deadline > now) {
      next = std::min(next, (it++)->second.deadline);
      continue;
    }
    expired.push_back(std::move(it->second.done));
    it = waiting_.erase(it);
  }
  if (next != Instant::Never()) ArmTimer(std::max(next, now + kExpiryStep));
  for (OutcomeDone& done : expired) done(Failed(pb::FORWARD_UNKNOWN, "no quorum confirmed the write in time"));
}

void Proposals::Stop() {
  timer_.Cancel();
  auto unplaced = std::exchange(unplaced_, {});
  auto waiting = std::exchange(waiting_, {});
  for (auto& [id, waiter] : unplaced) waiter.done(Stopped());
  for (auto& [place, waiter] : waiting) waiter.done(Failed(pb::FORWARD_UNKNOWN, "this node stopped"));
}

}  // namespace metasrv::node
