#pragma once

#include <optional>
#include <string>
#include <utility>

#include "node/answer.h"
#include "node/client_api.h"
#include "peer.pb.h"

namespace metasrv::node {

// What became of a request that only a leader can serve, inside the node. `reply.error` tells definite refusals from
// FORWARD_UNKNOWN.
struct Outcome {
  pb::ForwardReply reply;
  std::optional<LogId> entry;          // the write's entry, when it was proposed and applied here
  std::optional<NodeId> forwarded_to;  // the node whose answer this is
  bool stopped = false;                // the node is stopping and nothing was started

  [[nodiscard]] bool ok() const { return reply.error() == pb::FORWARD_OK; }
  // May be tried again without a risk: nothing was started.
  [[nodiscard]] bool retryable() const {
    return !stopped && (reply.error() == pb::FORWARD_NO_LEADER || reply.error() == pb::FORWARD_TOO_MANY_HOPS);
  }
};

using OutcomeDone = Answer<Outcome>;

[[nodiscard]] inline Outcome Failed(pb::ForwardError error, std::string detail) {
  Outcome outcome;
  outcome.reply.set_error(error);
  outcome.reply.set_detail(std::move(detail));
  return outcome;
}

[[nodiscard]] inline Outcome Stopped() {
  Outcome outcome = Failed(pb::FORWARD_NO_LEADER, "this node is stopping");
  outcome.stopped = true;
  return outcome;
}

[[nodiscard]] WriteResult ToWriteResult(Outcome outcome);

}  // namespace metasrv::node
