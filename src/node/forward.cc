#include "node/forward.h"

#include <algorithm>
#include <utility>

#include "sm/growth.h"
#include "sm/validate.h"

namespace metasrv::node {
namespace {

// Pause before a request that another node refused is tried again.
constexpr Duration kRetryPause = Duration::Millis(50);
// ... and one whose leader could not be connected to (grpc-api.md §3.2). Less when another one is known before.
constexpr Duration kReconnectPause = Duration::Seconds(1);
// Longest time between two batches, unless the disk takes longer.
constexpr Duration kGatherMax = Duration::Millis(1);
// Batches of so many writes say that many clients are at work.
constexpr std::size_t kBatchUnderLoad = 4;

}  // namespace

Forwarder::Forwarder(Context& context, Pump& pump, Proposals& proposals, const Addresses& addresses, const Space& space,
                     ServeMembers serve_members)
    : context_(context),
      pump_(pump),
      proposals_(proposals),
      addresses_(addresses),
      space_(space),
      serve_members_(std::move(serve_members)),
      timer_(context.env.loop),
      gather_timer_(context.env.loop) {}

void Forwarder::Route(pb::ForwardRequest request, Reach reach, OutcomeDone done) {
  if (auto refusal = Refuse(request)) {
    if (request.has_write()) ++failed_writes_;
    return done(std::move(*refusal));
  }
  ++(request.has_write() ? pending_writes_ : pending_changes_);
  const Instant now = context_.Now();
  auto job = std::make_unique<Job>();
  if (request.has_write()) job->bytes = request.write().ByteSizeLong();
  pending_bytes_ += job->bytes;
  job->request = std::move(request);
  job->reach = reach;
  job->give_up = now + context_.options.leader_wait;
  job->deadline = now + context_.options.write_timeout;
  job->done = std::move(done);
  Attempt(std::move(job));
}

std::optional<Outcome> Forwarder::Refuse(const pb::ForwardRequest& request) const {
  if (stopped_) return Stopped();
  if (request.body_case() == pb::ForwardRequest::BODY_NOT_SET) return Failed(pb::FORWARD_REFUSED, "unknown request");
  if (!request.has_write()) {
    if (pending_changes_ < context_.options.pending_changes_max) return std::nullopt;
    return Failed(pb::FORWARD_BUSY, "too many changes of the membership are waiting");
  }
  if (auto reason = sm::WhyInvalid(request.write())) return Failed(pb::FORWARD_REFUSED, *reason);
  const std::size_t bytes = request.write().ByteSizeLong();
  if (bytes > context_.options.command_bytes_max) {
    return Failed(pb::FORWARD_REFUSED,
                  "the command is larger than " + std::to_string(context_.options.command_bytes_max) + " bytes");
  }
  // What makes room still gets in when nothing else does.
  const bool grows = sm::MayGrow(request.write());
  const bool too_many = pending_writes_ >= context_.options.pending_writes_max * (grows ? 1 : 2);
  const bool too_much = grows && pending_bytes_ > 0 && pending_bytes_ + bytes > context_.options.pending_bytes_max;
  if (too_many || too_much) return Failed(pb::FORWARD_BUSY, "too many writes are waiting");
  return std::nullopt;
}

void Forwarder::Attempt(JobPtr job) {
  if (stopped_) return Finish(std::move(job), Stopped());
  if (pump_.view().successor) {
    // Nothing was started: it goes to whoever leads once the hand-over has ended.
    context_.Emit({TraceKind::kWriteHeld, 0, 0, {}});
    const Instant give_up = job->give_up;
    return Park(std::move(job), pb::FORWARD_NO_LEADER, "leadership is being handed over", give_up);
  }
  if (pump_.leads()) return RunHere(std::move(job));
  const std::optional<NodeId> leader = pump_.view().leader;
  const bool last_stop = job->request.hops() == 0 && job->reach == Reach::kAnywhere;
  if (!leader) {
    constexpr const char* kNoLeader = "can not forward any more: need to forward but no known leader";
    // The node that passed it on waits and tries again; waiting here as well would add up.
    if (last_stop) return Finish(std::move(job), Failed(pb::FORWARD_NO_LEADER, kNoLeader));
    const Instant give_up = job->give_up;
    return Park(std::move(job), pb::FORWARD_NO_LEADER, kNoLeader, give_up);
  }
  if (last_stop) {
    Outcome outcome = Failed(pb::FORWARD_TOO_MANY_HOPS, "max number of forward reached");
    outcome.reply.set_leader(leader->value());
    return Finish(std::move(job), std::move(outcome));
  }
  if (job->reach == Reach::kHere) {
    Outcome outcome = Failed(pb::FORWARD_NO_LEADER, "node " + std::to_string(leader->value()) + " leads");
    outcome.reply.set_leader(leader->value());
    return Finish(std::move(job), std::move(outcome));
  }
  PassOn(std::move(job), *leader);
}

void Forwarder::RunHere(JobPtr job) {
  if (!job->request.has_write()) {
    pb::ForwardRequest request = job->request;
    return serve_members_(std::move(request), [this, job = std::move(job)](Outcome outcome) mutable {
      outcome.reply.set_leader(context_.id().value());
      Finish(std::move(job), std::move(outcome));
    });
  }
  if (auto reason = space_.WhyRefused(job->request.write())) {
    return Finish(std::move(job), Failed(pb::FORWARD_NO_SPACE, std::move(*reason)));
  }
  queued_bytes_ += job->request.write().ByteSizeLong();
  queued_.push_back(std::move(job));
  ProposeSoon();
}

// Whatever else waits for this turn of the loop comes along.
void Forwarder::ProposeSoon() {
  if (std::exchange(propose_posted_, true)) return;
  context_.env.loop.Post(context_.lifetime.Guard([this] {
    propose_posted_ = false;
    ProposeOrGather();
  }));
}

// Natural group commit: what arrives while the batch before is on its way goes together, as one write and one message
// for each peer. While the disk is busy, because nothing could become durable sooner; until the batch before is
// committed, but not for long, so that commits of far peers overlap. Under load there is no hurry at all: what a batch
// costs, its wake-ups, messages and syncs on all nodes, is better shared by many. When the disk hangs the leader makes
// way, and what has gathered goes to the next one.
bool Forwarder::ShouldGather() const {
  if (!pump_.leads()) return false;
  // More than consensus would take on must not pile up here: it refuses the rest at once.
  if (!pump_.HasRoomFor(queued_bytes_)) return false;
  if (pump_.storing()) return true;
  const bool under_load = last_batch_ >= kBatchUnderLoad;
  return (pump_.committing() || under_load) && context_.Now() < proposed_at_ + kGatherMax;
}

void Forwarder::ProposeOrGather() {
  if (queued_.empty()) return;
  if (!ShouldGather()) return ProposeQueued();
  if (!pump_.storing()) gather_timer_.SetAtLatest(proposed_at_ + kGatherMax, [this] { ProposeOrGather(); });
}

void Forwarder::OnQuiet() {
  if (pump_.leads()) return ProposeOrGather();
  if (!queued_.empty()) ProposeSoon();
}

void Forwarder::ProposeQueued() {
  proposed_at_ = context_.Now();
  last_batch_ = queued_.size();
  queued_bytes_ = 0;
  auto jobs = std::exchange(queued_, {});
  if (!pump_.leads() || pump_.view().successor) {
    for (JobPtr& job : jobs) Attempt(std::move(job));
    return;
  }
  std::vector<LocalWrite> writes;
  writes.reserve(jobs.size());
  for (JobPtr& job : jobs) {
    LocalWrite& write = writes.emplace_back();
    write.command = std::move(*job->request.mutable_write());
    write.deadline = job->deadline;
    write.done = [this, job = std::move(job)](Outcome outcome) mutable { Finish(std::move(job), std::move(outcome)); };
  }
  proposals_.Propose(std::move(writes));
}

void Forwarder::PassOn(JobPtr job, NodeId leader) {
  const std::optional<Endpoint> endpoint = addresses_.Find(leader);
  if (!endpoint) {
    const Instant retry_at = context_.Now() + kRetryPause;
    return Park(std::move(job), pb::FORWARD_NO_LEADER, "the leader's address is not known", retry_at);
  }
  const std::uint64_t call = ++last_call_;
  const Duration timeout = std::max(job->deadline - context_.Now(), Duration::Millis(1));
  const std::uint32_t hops = job->request.hops();
  job->request.set_hops(hops - 1);
  std::string bytes = job->request.SerializeAsString();
  job->request.set_hops(hops);
  sent_.emplace(call, Sent{std::move(job), leader});
  context_.env.transport.Call(
      *endpoint, std::move(bytes), timeout,
      context_.lifetime.Guard([this, call](io::CallEnd end, const std::string& text) { OnReply(call, end, text); }));
}

void Forwarder::OnReply(std::uint64_t call, io::CallEnd end, const std::string& text) {
  auto found = sent_.find(call);
  if (found == sent_.end()) return;
  Sent sent = std::move(found->second);
  sent_.erase(found);
  if (end == io::CallEnd::kNotReached) return OnNotReached(std::move(sent), text);
  Outcome outcome;
  if (end != io::CallEnd::kAnswered || !outcome.reply.ParseFromString(text)) {
    outcome = Failed(pb::FORWARD_UNKNOWN, "node " + std::to_string(sent.to.value()) + " did not answer");
    return Finish(std::move(sent.job), std::move(outcome));
  }
  outcome.forwarded_to = sent.to;
  const Instant now = context_.Now();
  if (outcome.retryable() && now < sent.job->give_up) {
    // Who was asked may have handed over meanwhile, and then it is known whom to ask instead.
    const bool knows_better = pump_.view().leader && pump_.view().leader != sent.to;
    const Instant retry_at = knows_better ? now : now + kRetryPause;
    return Park(std::move(sent.job), outcome.reply.error(), outcome.reply.detail(), retry_at);
  }
  Finish(std::move(sent.job), std::move(outcome));
}

// Nothing was started. It may be back in a moment, or another one lead by then.
void Forwarder::OnNotReached(Sent sent, const std::string& reason) {
  std::string text = "node " + std::to_string(sent.to.value()) + " leads and can not be reached source: " + reason;
  const Instant now = context_.Now();
  const Instant retry_at = now + kReconnectPause;
  if (retry_at >= sent.job->deadline)
    return Finish(std::move(sent.job), Failed(pb::FORWARD_UNREACHABLE, std::move(text)));
  const bool knows_better = pump_.view().leader != sent.to;
  sent.job->give_up = std::min(sent.job->deadline, retry_at + context_.options.leader_wait);
  Park(std::move(sent.job), pb::FORWARD_UNREACHABLE, std::move(text), knows_better ? now : retry_at);
}

void Forwarder::Park(JobPtr job, pb::ForwardError error, std::string detail, Instant retry_at) {
  job->refusal.set_error(error);
  job->refusal.set_detail(std::move(detail));
  job->retry_at = std::min(retry_at, job->give_up);
  ArmTimer(job->retry_at);
  parked_.push_back(std::move(job));
}

void Forwarder::Finish(JobPtr job, Outcome outcome) {
  const bool is_write = job->request.has_write();
  --(is_write ? pending_writes_ : pending_changes_);
  pending_bytes_ -= job->bytes;
  if (is_write && !outcome.ok()) ++failed_writes_;
  job->done(std::move(outcome));
}

void Forwarder::ArmTimer(Instant at) {
  timer_.SetAtLatest(at, [this] { Revisit(); });
}

void Forwarder::Revisit() {
  const Instant now = context_.Now();
  Instant next = Instant::Never();
  auto jobs = std::exchange(parked_, {});
  for (JobPtr& job : jobs) {
    if (stopped_ || now >= job->give_up) {
      Outcome outcome = stopped_ ? Stopped() : Outcome{};
      if (!stopped_) outcome.reply = std::move(job->refusal);
      Finish(std::move(job), std::move(outcome));
    } else if (now >= job->retry_at) {
      Attempt(std::move(job));
    } else {
      next = std::min(next, job->retry_at);
      parked_.push_back(std::move(job));
    }
  }
  if (next != Instant::Never()) ArmTimer(next);
}

void Forwarder::OnView(const RaftView& view) {
  if (view == view_) return;
  view_ = view;
  if (!view.leader || view.successor || parked_.empty()) return;
  for (JobPtr& job : parked_) job->retry_at = context_.Now();
  ArmTimer(context_.Now());
}

void Forwarder::Stop() {
  stopped_ = true;
  timer_.Cancel();
  gather_timer_.Cancel();
  for (JobPtr& job : std::exchange(queued_, {})) Finish(std::move(job), Stopped());
  for (JobPtr& job : std::exchange(parked_, {})) Finish(std::move(job), Stopped());
  for (auto& [call, sent] : std::exchange(sent_, {})) {
    Finish(std::move(sent.job), Failed(pb::FORWARD_UNKNOWN, "this node stopped while another one was asked"));
  }
}

}  // namespace metasrv::node
