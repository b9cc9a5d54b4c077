#include "node/members.h"

#include <algorithm>
#include <utility>

namespace metasrv::node {
namespace {

constexpr std::size_t kRequestsMax = 64;

bool IsSameChange(const pb::ForwardRequest& a, const pb::ForwardRequest& b) {
  if (a.has_join() && b.has_join()) {
    return a.join().node_id() == b.join().node_id() && a.join().learner() == b.join().learner() &&
           a.join().incarnation() == b.join().incarnation();
  }
  return a.has_leave() && b.has_leave() && a.leave().node_id() == b.leave().node_id();
}

NodeId NodeOf(const pb::ForwardRequest& request) {
  return NodeId(request.has_join() ? request.join().node_id() : request.leave().node_id());
}

Endpoint EndpointOf(const pb::JoinRequest& join) { return {join.host(), static_cast<std::uint16_t>(join.port())}; }

pb::Command AddNode(const pb::JoinRequest& join, bool overriding) {
  pb::Command command;
  auto* add = command.mutable_add_node();
  add->set_node_id(join.node_id());
  add->set_overriding(overriding);
  auto* node = add->mutable_node();
  node->set_name(std::to_string(join.node_id()));
  node->set_addr(join.host());
  node->set_port(join.port());
  if (join.has_grpc_api_advertise_address()) node->set_grpc_api_advertise_address(join.grpc_api_advertise_address());
  return command;
}

}  // namespace

Members::Members(Context& context, Pump& pump, const Addresses& addresses, WriteHere write_here)
    : context_(context), pump_(pump), addresses_(addresses), write_here_(std::move(write_here)) {}

void Members::Serve(pb::ForwardRequest request, OutcomeDone done) {
  if (stopped_) return done(Stopped());
  const auto last = std::find_if(requests_.rbegin(), requests_.rend(),
                                 [&](const RequestPtr& known) { return NodeOf(known->body) == NodeOf(request); });
  if (last != requests_.rend() && IsSameChange((*last)->body, request)) {
    (*last)->waiting.push_back(std::move(done));
    return;
  }
  if (requests_.size() >= kRequestsMax) {
    return done(Failed(pb::FORWARD_BUSY, "too many nodes are joining and leaving at once"));
  }
  const RequestPtr& added = requests_.emplace_back(std::make_shared<Request>());
  added->body = std::move(request);
  added->waiting.push_back(std::move(done));
  StartReady();
}

Members::RequestPtr Members::NextToStart() const {
  for (auto at = requests_.begin(); at != requests_.end(); ++at) {
    const NodeId node = NodeOf((*at)->body);
    const bool must_wait = std::any_of(requests_.begin(), at, [&](const auto& r) { return NodeOf(r->body) == node; });
    if (!(*at)->started && !must_wait) return *at;
  }
  return nullptr;
}

// A request may end while it starts, and another one become ready.
void Members::StartReady() {
  while (const RequestPtr request = stopped_ ? nullptr : NextToStart()) {
    request->started = true;
    request->body.has_join() ? StartJoin(request) : StartLeave(request);
  }
}

// --- joining

std::optional<NodeId> Members::OtherUserOf(const Endpoint& endpoint, NodeId node) const {
  for (const RequestPtr& request : requests_) {
    const bool joins = request->started && request->body.has_join() && NodeOf(request->body) != node;
    if (joins && EndpointOf(request->body.join()) == endpoint) return NodeOf(request->body);
  }
  return addresses_.OtherUserOf(endpoint, node);
}

std::optional<std::string> Members::ReasonNotToAdmit(const Request& request) const {
  const pb::JoinRequest& join = request.body.join();
  const NodeId node(join.node_id());
  if (join.port() == 0 || join.port() > UINT16_MAX || join.host().empty()) {
    return "the address to join with is not usable";
  }
  const Endpoint endpoint = EndpointOf(join);
  const RaftStatus raft = pump_.raft().status();
  const ClusterId cluster = raft.membership.identity.cluster;
  if (join.cluster_id() != 0 && cluster != ClusterId() && ClusterId(join.cluster_id()) != cluster) {
    return "node " + std::to_string(node.value()) +
           " can not join: its data directory belongs to another cluster. Empty its raft_dir and start it again";
  }
  const auto record = addresses_.table().find(node);
  const bool moved = record != addresses_.table().end() && metasrv::node::EndpointOf(record->second) != endpoint;
  if (ReplacesDisk(request) && moved) {
    return "node id " + std::to_string(node.value()) + " is already a voter at " +
           ToString(metasrv::node::EndpointOf(record->second)) + "; choose another id, or let that node leave first";
  }
  if (raft.membership.IsVoter(node)) {
    const auto known = addresses_.Find(node);
    if (!known || *known == endpoint || !Contains(raft.reachable, node)) return std::nullopt;
    return "node id " + std::to_string(node.value()) + " is already a voter at " + ToString(*known) +
           "; give the new node another id, or remove the old one first";
  }
  if (auto user = OtherUserOf(endpoint, node)) {
    return "address " + ToString(endpoint) + " is already used by node " + std::to_string(user->value());
  }
  return std::nullopt;
}

bool Members::ReplacesDisk(const Request& request) const {
  const pb::JoinRequest& join = request.body.join();
  const Membership now = Effective();
  const Incarnation disk(join.incarnation());
  return now.IsVoter(NodeId(join.node_id())) && disk != Incarnation() &&
         !Counts(now.identity.Recorded(NodeId(join.node_id())), disk);
}

void Members::StartJoin(const RequestPtr& request) {
  if (!pump_.leads()) return Finish(request, Failed(pb::FORWARD_NO_LEADER, "this node does not lead any more"));
  if (auto reason = ReasonNotToAdmit(*request)) return Finish(request, Failed(pb::FORWARD_REFUSED, *reason));
  const NodeId node = NodeOf(request->body);
  if (ReplacesDisk(*request)) return ReplaceDisk(request);
  // A voter keeps its record: only its own registration changes that (operations.md §2.2).
  if (Effective().IsVoter(node)) return ChangeForJoin(request);
  request->added_record = !addresses_.table().contains(node);
  // The record of an earlier attempt may name an address that was wrong.
  write_here_(AddNode(request->body.join(), !request->added_record), [this, request](const Outcome& written) {
    written.ok() ? ChangeForJoin(request) : Finish(request, written);
  });
}

// A voter's directory was emptied or replaced. What the old one promised is lost, so it is removed like a dead node and
// the new one joins like a new node; consensus knows the one case in which that is neither possible nor needed.
void Members::ReplaceDisk(const RequestPtr& request) {
  const NodeId node = NodeOf(request->body);
  context_.Info("node " + std::to_string(node.value()) +
                " asks with a new data directory: it counts again once it has caught up");
  const Incarnation disk(request->body.join().incarnation());
  Change(ChangeMembership{{}, node, MembershipGoal::kVoter, disk}, [this, request, node](const MembershipDone& ended) {
    if (ended.result != MembershipResult::kOtherDisk) return OnJoined(request, ended);
    Change(node, MembershipGoal::kAbsent, [this, request](const MembershipDone& removed) {
      removed.result == MembershipResult::kDone ? ChangeForJoin(request) : OnJoined(request, removed);
    });
  });
}

void Members::ChangeForJoin(const RequestPtr& request) {
  const pb::JoinRequest& join = request->body.join();
  const auto goal = join.learner() ? MembershipGoal::kLearner : MembershipGoal::kVoter;
  Change(ChangeMembership{{}, NodeOf(request->body), goal, Incarnation(join.incarnation())},
         [this, request](const MembershipDone& ended) { OnJoined(request, ended); });
}

void Members::OnJoined(const RequestPtr& request, const MembershipDone& ended) {
  const NodeId node = NodeOf(request->body);
  const Outcome outcome = ToOutcome(ended, "node " + std::to_string(node.value()) + " can not join");
  const bool leaves_record = request->added_record && outcome.reply.error() == pb::FORWARD_REFUSED;
  if (!leaves_record || Effective().Contains(node)) return Finish(request, outcome);
  RemoveRecord(node, [this, request, outcome](const Outcome&) { Finish(request, outcome); });
}

// --- leaving

void Members::StartLeave(const RequestPtr& request) {
  const NodeId node = NodeOf(request->body);
  context_.Info("check can_leave: id: " + std::to_string(node.value()));
  if (!Effective().Contains(node)) {
    context_.Info("no need to leave: node " + std::to_string(node.value()) + " is not a member");
  }
  if (node == context_.id()) {
    return Finish(request,
                  Failed(pb::FORWARD_REFUSED, "fail to leave: can not leave id=" + std::to_string(node.value()) +
                                                  " via itself, source: leave-via-self"));
  }
  Change(node, MembershipGoal::kAbsent, [this, request](const MembershipDone& ended) { OnLeft(request, ended); });
}

void Members::OnLeft(const RequestPtr& request, const MembershipDone& ended) {
  const NodeId node = NodeOf(request->body);
  if (ended.result != MembershipResult::kDone) {
    return Finish(request, ToOutcome(ended, "node " + std::to_string(node.value()) + " can not leave"));
  }
  RemoveRecord(node, [this, request](const Outcome& removed) { Finish(request, removed); });
}

void Members::RemoveRecord(NodeId node, OutcomeDone done) {
  pb::Command command;
  command.mutable_remove_node()->set_node_id(node.value());
  write_here_(std::move(command), std::move(done));
}

// --- the last resort

void Members::ForceSingleVoter(std::function<void(std::expected<void, std::string>)> done) {
  const RequestId id = pump_.NextRequestId();
  if (stopped_) return done(std::unexpected("this node is stopping"));
  changes_.emplace(id, [this, done = std::move(done)](const MembershipDone& ended) { OnForced(ended, done); });
  pump_.Feed(metasrv::ForceSingleVoter{id});
}

void Members::OnForced(const MembershipDone& ended, const std::function<void(std::expected<void, std::string>)>& done) {
  if (ended.result == MembershipResult::kLeaderAlive) {
    return done(std::unexpected("there is a leader, or was one a moment ago: the quorum is not lost"));
  }
  if (ended.result != MembershipResult::kDone) return done(std::unexpected("this node is not a voter"));
  NodeSet others;
  for (const auto& [id, node] : addresses_.table()) {
    if (id != context_.id()) others.push_back(id);
  }
  context_.Warn("AUDIT: an operator made node " + std::to_string(context_.id().value()) +
                " the only voter; given up for good: " + Describe(others) +
                ". They must be wiped before they join again");
  for (NodeId other : others) RemoveRecord(other, [](const Outcome&) {});
  done({});
}

// --- answering

std::string Members::Describe(const NodeSet& nodes) const {
  std::string text;
  for (NodeId node : nodes) {
    const auto endpoint = addresses_.Find(node);
    text += (text.empty() ? "" : ", ") + std::to_string(node.value()) + (endpoint ? " at " + ToString(*endpoint) : "");
  }
  return text;
}

Outcome Members::ToOutcome(const MembershipDone& ended, const std::string& what) const {
  switch (ended.result) {
    case MembershipResult::kDone: return Outcome{};
    case MembershipResult::kNotLeader: return Failed(pb::FORWARD_NO_LEADER, what + ": this node does not lead");
    case MembershipResult::kInProgress:
      return Failed(pb::FORWARD_IN_PROGRESS, what + ": the cluster is already undergoing a configuration change");
    case MembershipResult::kNotCaughtUp:
      return Failed(pb::FORWARD_REFUSED, what + ": it did not catch up in time; check that the leader, node " +
                                             Describe({context_.id()}) + ", can reach the address it joins with");
    case MembershipResult::kLostLeadership:
      return Failed(pb::FORWARD_UNKNOWN, what + ": leadership was lost meanwhile");
    case MembershipResult::kRefused: return Failed(pb::FORWARD_REFUSED, what + ": it is the last voter");
    case MembershipResult::kLeaderAlive: break;  // not an answer to a change
    case MembershipResult::kOtherDisk:
      return Failed(pb::FORWARD_REFUSED, what + ": it votes with another data directory");
    case MembershipResult::kSilentDisk:
      return Failed(pb::FORWARD_IN_PROGRESS,
                    what + ": its new data directory has not answered the leader yet; ask again");
    case MembershipResult::kNoQuorum:
      return Failed(pb::FORWARD_REFUSED, what +
                                             ": the voters that remain would have no quorum, because these can not "
                                             "be reached: " +
                                             Describe(ended.unreachable) + "; bring them back, or remove them first");
  }
  return Failed(pb::FORWARD_REFUSED, what);
}

// The record's reply is nobody's business: the answer only says how it went.
void Members::Finish(const RequestPtr& request, const Outcome& outcome) {
  const auto found = std::find(requests_.begin(), requests_.end(), request);
  if (found == requests_.end()) return;
  requests_.erase(found);
  Outcome answer;
  answer.reply.set_error(outcome.reply.error());
  answer.reply.set_detail(outcome.reply.detail());
  answer.stopped = outcome.stopped;
  for (OutcomeDone& done : std::exchange(request->waiting, {})) done(answer);
  StartReady();
}

void Members::Change(NodeId node, MembershipGoal goal, ChangeDone done) {
  Change(ChangeMembership{{}, node, goal, {}}, std::move(done));
}

void Members::Change(ChangeMembership change, ChangeDone done) {
  change.id = pump_.NextRequestId();
  if (stopped_) return done({.id = change.id, .result = MembershipResult::kLostLeadership, .unreachable = {}});
  changes_.emplace(change.id, std::move(done));
  pump_.Feed(change);
}

void Members::OnMembershipDone(const MembershipDone& ended) {
  auto found = changes_.find(ended.id);
  if (found == changes_.end()) return;
  ChangeDone done = std::move(found->second);
  changes_.erase(found);
  done(ended);
}

void Members::Stop() {
  stopped_ = true;
  changes_.clear();
  for (const RequestPtr& request : std::list(requests_)) {
    Finish(request, request->started ? Failed(pb::FORWARD_UNKNOWN, "this node stopped") : Stopped());
  }
}

}  // namespace metasrv::node
