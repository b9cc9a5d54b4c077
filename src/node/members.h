#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/addresses.h"
#include "node/outcome.h"
#include "node/pump.h"

namespace metasrv::node {

// Join and leave, as the leader serves them (operations.md §2.2, §2.4): a record in the node table and a membership
// change. Requests for different nodes run side by side, consensus puts their changes in order; those for one node
// follow one another, and a repeated request joins the one that is there.
class Members {
 public:
  // Replicates a command of this leader; answers as Forwarder does.
  using WriteHere = std::function<void(pb::Command, OutcomeDone)>;

  Members(Context& context, Pump& pump, const Addresses& addresses, WriteHere write_here);

  void Serve(pb::ForwardRequest request, OutcomeDone done);
  void OnMembershipDone(const MembershipDone& done);
  void Stop();

  // Makes this node the only voter and forgets all others (docs/OPERATIONS.md, "When the quorum is lost"). `done` gets
  // the reason why not, or nothing.
  void ForceSingleVoter(std::function<void(std::expected<void, std::string>)> done);

  // Changes the membership without touching the node table; for the bootstrap (export-format.md §10.7).
  using ChangeDone = std::move_only_function<void(const MembershipDone&)>;
  void Change(NodeId node, MembershipGoal goal, ChangeDone done);
  // As above; `change.id` is chosen here.
  void Change(ChangeMembership change, ChangeDone done);

 private:
  struct Request {
    pb::ForwardRequest body;
    std::vector<OutcomeDone> waiting;
    bool started = false;
    bool added_record = false;  // join: the node table had none before
  };
  using RequestPtr = std::shared_ptr<Request>;

  void StartReady();
  // The first request that has not started and has none for the same node before it.
  [[nodiscard]] RequestPtr NextToStart() const;
  void StartJoin(const RequestPtr& request);
  // Why the node may not join as it asks to (operations.md §2.7).
  [[nodiscard]] std::optional<std::string> ReasonNotToAdmit(const Request& request) const;
  [[nodiscard]] std::optional<NodeId> OtherUserOf(const Endpoint& endpoint, NodeId node) const;
  // The node votes, with another disk than the one that asks.
  [[nodiscard]] bool ReplacesDisk(const Request& request) const;
  void ReplaceDisk(const RequestPtr& request);
  void ChangeForJoin(const RequestPtr& request);
  void OnJoined(const RequestPtr& request, const MembershipDone& ended);
  void StartLeave(const RequestPtr& request);
  void OnForced(const MembershipDone& ended, const std::function<void(std::expected<void, std::string>)>& done);
  void OnLeft(const RequestPtr& request, const MembershipDone& ended);
  void RemoveRecord(NodeId node, OutcomeDone done);
  void Finish(const RequestPtr& request, const Outcome& outcome);
  [[nodiscard]] Outcome ToOutcome(const MembershipDone& ended, const std::string& what) const;
  // "3 at host:port, 4", for people.
  [[nodiscard]] std::string Describe(const NodeSet& nodes) const;
  [[nodiscard]] Membership Effective() const { return pump_.raft().status().membership; }

  Context& context_;
  Pump& pump_;
  const Addresses& addresses_;
  WriteHere write_here_;
  std::list<RequestPtr> requests_;  // in order of arrival
  std::map<RequestId, ChangeDone> changes_;
  bool stopped_ = false;
};

}  // namespace metasrv::node
