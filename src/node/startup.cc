#include "node/startup.h"

#include <algorithm>
#include <utility>

#include "consensus/core.h"
#include "node/describe.h"
#include "node/identity_guard.h"
#include "node/wire.h"

namespace metasrv::node {
namespace {

constexpr Duration kJoinTimeout = Duration::Seconds(10);
constexpr Duration kJoinPause = Duration::Seconds(1);
constexpr int kJoinAttempts = 3;
constexpr Duration kFirstPause = Duration::Millis(500);
constexpr Duration kLongestPause = Duration::Seconds(5);

bool IsRetryable(pb::ForwardError error) { return error != pb::FORWARD_OK && error != pb::FORWARD_REFUSED; }

pb::ForwardRequest JoinRequestOf(const NodeOptions& options, const RaftCore& raft) {
  pb::ForwardRequest request;
  request.set_hops(1);
  auto* join = request.mutable_join();
  join->set_node_id(options.raft.id.value());
  join->set_host(options.raft_advertise.host);
  join->set_port(options.raft_advertise.port);
  if (options.grpc_advertise) join->set_grpc_api_advertise_address(*options.grpc_advertise);
  join->set_learner(options.learner);
  join->set_incarnation(raft.incarnation().value());
  join->set_cluster_id(raft.cluster().value());
  return request;
}

}  // namespace

pb::Command AddSelf(const NodeOptions& options, bool overriding) {
  pb::Command command;
  auto* add = command.mutable_add_node();
  add->set_node_id(options.raft.id.value());
  add->set_overriding(overriding);
  auto* node = add->mutable_node();
  node->set_name(std::to_string(options.raft.id.value()));
  node->set_addr(options.raft_advertise.host);
  node->set_port(options.raft_advertise.port);
  if (options.grpc_advertise) node->set_grpc_api_advertise_address(*options.grpc_advertise);
  return command;
}

Startup::Startup(Context& context, Pump& pump, const sm::Machine& machine, const Addresses& addresses,
                 Forwarder& forwarder)
    : context_(context),
      pump_(pump),
      machine_(machine),
      addresses_(addresses),
      forwarder_(forwarder),
      step_(context.env.loop),
      timeout_(context.env.loop) {}

void Startup::Run(Progress progress, Done done) {
  progress_ = std::move(progress);
  done_ = std::move(done);
  stage_ = Stage::kHeld;
  if (!held_) Begin();
}

void Startup::Release() {
  held_ = false;
  if (stage_ == Stage::kHeld) Begin();
}

void Startup::Begin() {
  stage_ = Stage::kJoining;
  const std::string reason = ReasonNotToJoin();
  if (reason.empty()) return JoinNext();
  context_.Info("skip joining, because: " + reason);
  context_.Info("Join result: Err(\"Did not join: " + reason + "\")");
  StartRegistering();
}

void Startup::After(Duration pause, void (Startup::*step)()) {
  step_.Set(context_.Now() + pause, [this, step] { (this->*step)(); });
}

// --- joining

std::string Startup::ReasonNotToJoin() const {
  if (context_.options.join.empty()) return "--join is empty";
  const auto applied = FromProto(machine_.last_membership().membership());
  if (!applied || !applied->IsVoter(context_.id())) return {};
  // A replaced disk that was filled again in part knows of the one before it.
  const Incarnation recorded = FromProto(machine_.last_membership().identity()).Recorded(context_.id());
  if (!Counts(recorded, pump_.raft().core().incarnation())) return {};
  return "node " + std::to_string(context_.id().value()) + " already in cluster";
}

void Startup::JoinNext() {
  const auto& addresses = context_.options.join;
  while (join_at_ < addresses.size() && addresses[join_at_] == context_.options.raft_advertise) ++join_at_;
  attempts_ = 0;
  if (join_at_ < addresses.size()) return JoinAttempt();
  std::string asked;
  for (const Endpoint& address : addresses) asked += (asked.empty() ? "" : ", ") + ToString(address);
  std::string errors;
  for (const std::string& error : join_errors_) errors += (errors.empty() ? "" : "; ") + error;
  Finish(std::unexpected("fail to join node-" + std::to_string(context_.id().value()) + " to cluster via [" + asked +
                         "], errors: " + errors));
}

void Startup::JoinAttempt() {
  ++attempts_;
  const Endpoint& address = context_.options.join[join_at_];
  context_.Info("try to join cluster via " + ToString(address) + ", timeout: Some(10s)...");
  context_.env.transport.Call(address, JoinRequestOf(context_.options, pump_.raft().core()).SerializeAsString(),
                              kJoinTimeout, context_.lifetime.Guard([this](io::CallEnd end, const std::string& reply) {
                                if (stage_ == Stage::kJoining) OnJoinReply(end, reply);
                              }));
}

void Startup::OnJoinReply(io::CallEnd end, const std::string& bytes) {
  const std::string address = ToString(context_.options.join[join_at_]);
  const std::string no_answer = "no answer from " + address;
  if (end != io::CallEnd::kAnswered) return OnJoinFailed(bytes.empty() ? no_answer : no_answer + ": " + bytes, true);
  pb::ForwardReply reply;
  if (!reply.ParseFromString(bytes)) return OnJoinFailed(no_answer, true);
  if (reply.error() != pb::FORWARD_OK) return OnJoinFailed(reply.detail(), IsRetryable(reply.error()));
  context_.Info("join cluster via " + address + " success");
  context_.Info("Join result: Ok(())");
  StartRegistering();
}

void Startup::OnJoinFailed(const std::string& error, bool retry) {
  context_.Warn(error + " while joining cluster via " + ToString(context_.options.join[join_at_]));
  join_errors_.push_back(error);
  if (retry && attempts_ < kJoinAttempts) return After(kJoinPause, &Startup::JoinAttempt);
  ++join_at_;
  JoinNext();
}

// --- registering

void Startup::StartRegistering() {
  const Duration patience = context_.options.wait_leader_timeout;
  progress_("Wait for " + DescribeDuration(patience) + " for active leader...");
  pause_ = kFirstPause;
  timeout_.Set(context_.Now() + patience, [this] { OnTimeout(); });
  AwaitLeader();
}

void Startup::AwaitLeader() {
  stage_ = Stage::kAwaitingLeader;
  const std::optional<NodeId> leader = pump_.view().leader;
  if (!leader) return;  // OnView comes back
  if (pump_.raft().core().disk_refused()) return Finish(std::unexpected(DescribeRefusedDisk(context_.id())));
  const bool reachable = *leader == context_.id() || addresses_.Find(*leader);
  if (!reachable) return After(kFirstPause, &Startup::AwaitLeader);
  stage_ = Stage::kRegistering;
  progress_("Leader Id: " + std::to_string(leader->value()));
  progress_("    Metrics: " + DescribeMetrics(pump_.raft().status(), machine_.last_applied()));
  progress_("");
  progress_("Register this node: " + DescribeSelf(context_.options));
  progress_("");
  Register();
}

void Startup::OnView(const RaftView& view) {
  if (stage_ == Stage::kAwaitingLeader && view.leader) step_.Set(context_.Now(), [this] { AwaitLeader(); });
}

void Startup::Register() {
  pb::ForwardRequest request;
  request.set_hops(1);
  *request.mutable_write() = AddSelf(context_.options, true);
  forwarder_.Route(std::move(request), Forwarder::Reach::kAnywhere, [this](const Outcome& outcome) {
    if (stage_ == Stage::kRegistering) OnRegistered(outcome);
  });
}

void Startup::OnRegistered(const Outcome& outcome) {
  if (!outcome.ok()) return RetryRegistering(outcome.reply.detail());
  progress_("    Register-node: Ok");
  context_.Info("Register-node Ok");
  Finish({});
}

void Startup::RetryRegistering(const std::string& error) {
  last_error_ = error;
  context_.Warn("Error while registering node: " + error);
  progress_("    Error: " + error);
  progress_("    Sleep " + DescribeDuration(pause_) + " and retry");
  After(pause_, &Startup::AwaitLeader);
  pause_ = std::min(pause_ * 2, kLongestPause);
}

void Startup::OnTimeout() {
  if (!last_error_.empty()) return Finish(std::unexpected(last_error_));
  Finish(std::unexpected(
      "timeout after " + DescribeDuration(context_.options.wait_leader_timeout) +
      " when receive an active leader latest: " + DescribeMetrics(pump_.raft().status(), machine_.last_applied())));
}

void Startup::Finish(std::expected<void, std::string> result) {
  if (stage_ == Stage::kDone || stage_ == Stage::kIdle) return;
  stage_ = Stage::kDone;
  step_.Cancel();
  timeout_.Cancel();
  std::exchange(done_, nullptr)(std::move(result));
}

void Startup::Stop() { Finish(std::unexpected("this node is stopping")); }

}  // namespace metasrv::node
