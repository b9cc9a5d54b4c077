#include "node/members.h"

#include <algorithm>
#include <utility>

namespace metasrv::node {
namespace {

bool IsSameChange(const pb::ForwardRequest& a, const pb::ForwardRequest& b) {
  if (a.has_join() && b.has_join()) {
    return a.join().node_id() == b.join().node_id() && a.join().learner() == b.join().learner();
  }
  return a.has_leave() && b.has_leave() && a.leave().node_id() == b.leave().node_id();
}

NodeId NodeOf(const pb::ForwardRequest& request) {
  return NodeId(request.has_join() ? request.join().node_id() : request.leave().node_id());
}

pb::Command AddNode(const pb::JoinRequest& join) {
  pb::Command command;
  auto* add = command.mutable_add_node();
  add->set_node_id(join.node_id());
  add->set_overriding(false);
  auto* node = add->mutable_node();
  node->set_name(std::to_string(join.node_id()));
  node->set_addr(join.host());
  node->set_port(join.port());
  if (join.has_grpc_api_advertise_address()) node->set_grpc_api_advertise_address(join.grpc_api_advertise_address());
  return command;
}

Outcome ToOutcome(MembershipResult result, const std::string& what) {
  switch (result) {
    case MembershipResult::kDone: return Outcome{};
    case MembershipResult::kNotLeader: return Failed(pb::FORWARD_NO_LEADER, what + ": this node does not lead");
    case MembershipResult::kInProgress:
      return Failed(pb::FORWARD_IN_PROGRESS, what + ": the cluster is already undergoing a configuration change");
    case MembershipResult::kNotCaughtUp:
      return Failed(pb::FORWARD_REFUSED, what + ": it did not catch up in time and was removed again");
    case MembershipResult::kLostLeadership:
      return Failed(pb::FORWARD_UNKNOWN, what + ": leadership was lost meanwhile");
    case MembershipResult::kRefused:
      return Failed(pb::FORWARD_REFUSED, what + ": it would remove the last voter or the leader");
  }
  return Failed(pb::FORWARD_REFUSED, what);
}

}  // namespace

Members::Members(Context& context, Pump& pump, const Addresses& addresses, WriteHere write_here)
    : context_(context), pump_(pump), addresses_(addresses), write_here_(std::move(write_here)) {}

void Members::Serve(pb::ForwardRequest request, OutcomeDone done) {
  if (stopped_) return done(Stopped());
  if (running_ && IsSameChange(running_->body, request)) {
    running_->waiting.push_back(std::move(done));
    return;
  }
  for (Request& queued : queue_) {
    if (!IsSameChange(queued.body, request)) continue;
    queued.waiting.push_back(std::move(done));
    return;
  }
  Request& added = queue_.emplace_back();
  added.body = std::move(request);
  added.waiting.push_back(std::move(done));
  StartNext();
}

void Members::StartNext() {
  if (running_ || queue_.empty() || stopped_) return;
  running_ = std::move(queue_.front());
  queue_.pop_front();
  if (running_->body.has_join()) {
    StartJoin();
  } else {
    StartLeave();
  }
}

void Members::StartJoin() {
  const pb::JoinRequest& join = running_->body.join();
  const NodeId node(join.node_id());
  if (Effective().IsVoter(node)) return Finish(Outcome{});
  if (join.port() == 0 || join.port() > UINT16_MAX || join.host().empty()) {
    return Finish(Failed(pb::FORWARD_REFUSED, "the address to join with is not usable"));
  }
  const Endpoint endpoint{join.host(), static_cast<std::uint16_t>(join.port())};
  if (auto user = addresses_.OtherUserOf(endpoint, node)) {
    return Finish(Failed(pb::FORWARD_REFUSED, "address " + ToString(endpoint) + " is already used by node " +
                                                  std::to_string(user->value())));
  }
  running_->added_record = !addresses_.table().contains(node);
  write_here_(AddNode(join), [this](const Outcome& written) {
    if (!running_) return;
    written.ok() ? ChangeForJoin() : Finish(written);
  });
}

void Members::ChangeForJoin() {
  const pb::JoinRequest& join = running_->body.join();
  const auto goal = join.learner() ? MembershipGoal::kLearner : MembershipGoal::kVoter;
  Change(NodeId(join.node_id()), goal, [this](MembershipResult result) { OnJoined(result); });
}

void Members::OnJoined(MembershipResult result) {
  if (!running_) return;
  const NodeId node = NodeOf(running_->body);
  Outcome outcome = ToOutcome(result, "node " + std::to_string(node.value()) + " can not join");
  if (result != MembershipResult::kNotCaughtUp || !running_->added_record) return Finish(outcome);
  RemoveRecord(node, [this, outcome = std::move(outcome)](const Outcome&) { Finish(outcome); });
}

void Members::StartLeave() {
  const NodeId node = NodeOf(running_->body);
  if (node == context_.id()) {
    return Finish(Failed(pb::FORWARD_REFUSED, "fail to leave: can not leave id=" + std::to_string(node.value()) +
                                                  " via itself, source: leave-via-self"));
  }
  if (!Effective().Contains(node)) return OnLeft(MembershipResult::kDone);
  Change(node, MembershipGoal::kAbsent, [this](MembershipResult result) { OnLeft(result); });
}

void Members::OnLeft(MembershipResult result) {
  if (!running_) return;
  const NodeId node = NodeOf(running_->body);
  if (result != MembershipResult::kDone) {
    return Finish(ToOutcome(result, "node " + std::to_string(node.value()) + " can not leave"));
  }
  RemoveRecord(node, [this](const Outcome& removed) { Finish(removed); });
}

void Members::RemoveRecord(NodeId node, OutcomeDone done) {
  pb::Command command;
  command.mutable_remove_node()->set_node_id(node.value());
  write_here_(std::move(command), std::move(done));
}

// The record's reply is nobody's business: the answer only says how it went.
void Members::Finish(const Outcome& outcome) {
  if (!running_) return;
  Outcome answer;
  answer.reply.set_error(outcome.reply.error());
  answer.reply.set_detail(outcome.reply.detail());
  answer.stopped = outcome.stopped;
  auto waiting = std::move(running_->waiting);
  running_.reset();
  for (OutcomeDone& done : waiting) done(answer);
  StartNext();
}

void Members::Change(NodeId node, MembershipGoal goal, ChangeDone done) {
  if (stopped_) return done(MembershipResult::kLostLeadership);
  const RequestId id = pump_.NextRequestId();
  changes_.emplace(id, std::move(done));
  pump_.Feed(ChangeMembership{id, node, goal});
}

void Members::OnMembershipDone(const MembershipDone& ended) {
  auto found = changes_.find(ended.id);
  if (found == changes_.end()) return;
  ChangeDone done = std::move(found->second);
  changes_.erase(found);
  done(ended.result);
}

void Members::Stop() {
  stopped_ = true;
  changes_.clear();
  for (Request& request : std::exchange(queue_, {})) {
    for (OutcomeDone& done : request.waiting) done(Stopped());
  }
  if (running_) Finish(Failed(pb::FORWARD_UNKNOWN, "this node stopped"));
}

}  // namespace metasrv::node
