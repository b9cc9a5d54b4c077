#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/addresses.h"
#include "node/outcome.h"
#include "node/proposals.h"
#include "node/pump.h"
#include "node/space.h"

namespace metasrv::node {

// Brings requests to whoever leads: this node, or another one that is asked over the transport. A request without a
// leader waits for one up to leader_wait; definite refusals are tried again within that time, and a leader that can not
// be connected to until the request's deadline; a request that was sent and not answered is never repeated, because it
// may have taken effect (decision 0030).
class Forwarder {
 public:
  // Serves a join or a leave on the leader.
  using ServeMembers = std::function<void(pb::ForwardRequest, OutcomeDone)>;

  Forwarder(Context& context, Pump& pump, Proposals& proposals, const Addresses& addresses, const Space& space,
            ServeMembers serve_members);

  enum class Reach : std::uint8_t {
    kAnywhere,  // pass it on, while the request has hops left
    kHere,      // answer FORWARD_NO_LEADER when another node leads
  };
  void Route(pb::ForwardRequest request, Reach reach, OutcomeDone done);

  // Leadership may have changed.
  void OnView(const RaftView& view);
  // A write may have become durable or committed.
  void OnQuiet();
  void Stop();

  // Writes that are not answered yet, proposed ones included.
  [[nodiscard]] std::size_t pending() const { return pending_writes_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_writes_; }

 private:
  struct Job {
    pb::ForwardRequest request;
    std::size_t bytes = 0;  // of the write
    Reach reach{};
    Instant give_up;           // for finding a leader
    Instant deadline;          // for the whole request
    Instant retry_at;          // while it waits
    pb::ForwardReply refusal;  // why it waits
    OutcomeDone done;
  };
  using JobPtr = std::unique_ptr<Job>;
  struct Sent {
    JobPtr job;
    NodeId to;
  };

  [[nodiscard]] std::optional<Outcome> Refuse(const pb::ForwardRequest& request) const;
  void Attempt(JobPtr job);
  void RunHere(JobPtr job);
  [[nodiscard]] bool ShouldGather() const;
  void ProposeSoon();
  void ProposeOrGather();
  void ProposeQueued();
  void PassOn(JobPtr job, NodeId leader);
  void OnReply(std::uint64_t call, io::CallEnd end, const std::string& text);
  void OnNotReached(Sent sent, const std::string& reason);
  void Park(JobPtr job, pb::ForwardError error, std::string detail, Instant retry_at);
  void Finish(JobPtr job, Outcome outcome);
  void ArmTimer(Instant at);
  void Revisit();

  Context& context_;
  Pump& pump_;
  Proposals& proposals_;
  const Addresses& addresses_;
  const Space& space_;
  ServeMembers serve_members_;
  Timer timer_;
  std::vector<JobPtr> queued_;  // to be proposed here, together
  std::size_t queued_bytes_ = 0;
  bool propose_posted_ = false;
  Instant proposed_at_;
  std::size_t last_batch_ = 0;  // writes proposed then
  Timer gather_timer_;
  std::vector<JobPtr> parked_;          // wait for a leader or for the next attempt
  std::map<std::uint64_t, Sent> sent_;  // wait for another node's answer
  RaftView view_;
  std::uint64_t last_call_ = 0;
  std::size_t pending_writes_ = 0;
  std::size_t pending_bytes_ = 0;
  std::size_t pending_changes_ = 0;  // joins and leaves
  std::uint64_t failed_writes_ = 0;
  bool stopped_ = false;
};

}  // namespace metasrv::node
