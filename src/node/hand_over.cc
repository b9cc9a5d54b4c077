#include "node/hand_over.h"

#include <algorithm>
#include <utility>

namespace metasrv::node {
namespace {

// While a node leaves it looks this often whether everything is answered.
constexpr Duration kLook = Duration::Millis(10);

// The next id after `id`, wrapping around. Requires: `ids` is not empty.
NodeId Following(const NodeSet& ids, NodeId id) {
  const auto next = std::ranges::upper_bound(ids, id);
  return next == ids.end() ? ids.front() : *next;
}

}  // namespace

HandOver::HandOver(Context& context, Pump& pump, std::function<std::size_t()> pending_writes)
    : context_(context),
      pump_(pump),
      pending_writes_(std::move(pending_writes)),
      timer_(context.env.loop),
      way_timer_(context.env.loop) {}

void HandOver::Start(HandOverReason reason, std::optional<NodeId> to) {
  context_.Emit({TraceKind::kHandOver, static_cast<std::uint64_t>(reason), 0, {}});
  transfer_ = pump_.NextRequestId();
  pump_.Feed(TransferLeadership{*transfer_, to, reason == HandOverReason::kSlowDisk});
}

TransferReply HandOver::Trigger(std::optional<NodeId> to) {
  const RaftStatus raft = pump_.raft().status();
  TransferReply reply{TransferStatus::kStarted, context_.id(), std::nullopt, raft.leader, raft.membership.Voters()};
  if (!pump_.leads()) {
    reply.status = TransferStatus::kNotLeader;
    return reply;
  }
  const NodeSet& candidates = raft.membership.configs.back();
  if (!to) to = Following(candidates, context_.id());
  reply.to = to;
  if (!Contains(candidates, *to)) {
    reply.status = TransferStatus::kNotVoter;
  } else if (*to != context_.id() && pump_.view().successor && pump_.view().successor != to) {
    reply.status = TransferStatus::kInProgress;
  } else if (*to != context_.id() && !pump_.view().successor) {
    Start(HandOverReason::kOperator, to);
  }
  return reply;
}

void HandOver::Leave(std::function<void()> done) {
  if (!pump_.leads()) return done();
  left_ = std::move(done);
  nobody_takes_over_ = false;
  leave_deadline_ = context_.Now() + context_.options.raft.election_timeout_min * 2;
  LeaveStep();
}

void HandOver::LeaveStep() {
  const Instant now = context_.Now();
  const RaftView view = pump_.view();
  if (view.leads) {
    lingers_until_.reset();
    if (now >= leave_deadline_ || nobody_takes_over_) return FinishLeaving();
    if (!transfer_ && !view.successor) Start(HandOverReason::kStopping, std::nullopt);
  } else if (view.leader && !lingers_until_) {
    // By then everybody else has heard from the new leader and asks it.
    lingers_until_ = now + context_.options.raft.heartbeat_interval;
  }
  const bool answered = lingers_until_ && now >= *lingers_until_ && pending_writes_() == 0;
  if (answered || now >= leave_deadline_) return FinishLeaving();
  timer_.Set(now + kLook, [this] { LeaveStep(); });
}

void HandOver::FinishLeaving() {
  timer_.Cancel();
  if (auto left = std::exchange(left_, nullptr)) left();
}

void HandOver::AvoidLeading() {
  const Instant now = context_.Now();
  if (!pump_.leads() || pump_.view().successor || left_) return;
  if (avoided_at_ && now < *avoided_at_ + context_.options.disk_hand_over_pause) return;
  avoided_at_ = now;
  Start(HandOverReason::kSlowDisk, std::nullopt);
}

void HandOver::MakeWay(std::function<void()> done) {
  if (!pump_.leads()) return done();
  made_way_ = std::move(done);
  way_timer_.Set(context_.Now() + context_.options.raft.election_timeout_min, [this] { FinishMakingWay(); });
  if (!pump_.view().successor) Start(HandOverReason::kFullDisk, std::nullopt);
}

void HandOver::FinishMakingWay() {
  way_timer_.Cancel();
  if (auto done = std::exchange(made_way_, nullptr)) done();
}

void HandOver::OnTransferDone(const TransferDone& done) {
  if (done.id != transfer_) return;
  transfer_.reset();
  nobody_takes_over_ = done.result == TransferResult::kNoTarget;
  if (nobody_takes_over_) way_timer_.Set(context_.Now(), [this] { FinishMakingWay(); });
  if (!done.to) return;
  context_.Info("hand-over of leadership to node " + std::to_string(done.to->value()) + ": " + ToString(done.result));
}

void HandOver::OnQuiet() {
  if (made_way_ && !pump_.leads()) way_timer_.Set(context_.Now(), [this] { FinishMakingWay(); });
  if (left_ && !lingers_until_) timer_.Set(context_.Now(), [this] { LeaveStep(); });
}

void HandOver::Stop() {
  way_timer_.Cancel();
  made_way_ = nullptr;
  FinishLeaving();
}

}  // namespace metasrv::node
