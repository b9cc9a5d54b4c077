#pragma once

#include <deque>
#include <functional>
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
// change, one request after the other. A repeated request joins the one that is running for the same node.
class Members {
 public:
  // Replicates a command of this leader; answers as Forwarder does.
  using WriteHere = std::function<void(pb::Command, OutcomeDone)>;

  Members(Context& context, Pump& pump, const Addresses& addresses, WriteHere write_here);

  void Serve(pb::ForwardRequest request, OutcomeDone done);
  void OnMembershipDone(const MembershipDone& done);
  void Stop();

  // Changes the membership without touching the node table; for the bootstrap (export-format.md §10.7).
  using ChangeDone = std::move_only_function<void(MembershipResult)>;
  void Change(NodeId node, MembershipGoal goal, ChangeDone done);

 private:
  struct Request {
    pb::ForwardRequest body;
    std::vector<OutcomeDone> waiting;
    bool added_record = false;  // join: the node table had none before
  };

  void StartNext();
  void StartJoin();
  void StartLeave();
  void ChangeForJoin();
  void OnJoined(MembershipResult result);
  void OnLeft(MembershipResult result);
  void RemoveRecord(NodeId node, OutcomeDone done);
  void Finish(const Outcome& outcome);
  [[nodiscard]] Membership Effective() const { return pump_.raft().status().membership; }

  Context& context_;
  Pump& pump_;
  const Addresses& addresses_;
  WriteHere write_here_;
  std::optional<Request> running_;
  std::deque<Request> queue_;
  std::map<RequestId, ChangeDone> changes_;
  bool stopped_ = false;
};

}  // namespace metasrv::node
