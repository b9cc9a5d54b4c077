#pragma once

#include <functional>
#include <optional>
#include <string>

#include "io/event_loop.h"
#include "node/node.h"

namespace metasrv::server {

// The node, for threads that are not its loop: requests go onto the loop, at once when it is idle, and answers come
// back on the loop, which may be before the request returns. Callbacks must be short. After the loop has stopped
// requests are dropped together with their callbacks.
class NodeHandle {
 public:
  // Both must outlive the handle.
  NodeHandle(io::EventLoop& loop, node::Node& node) : loop_(loop), node_(node) {}

  void Write(pb::Command command, std::function<void(node::WriteResult)> done);
  // Does not pass the write on to another node.
  void WriteHere(pb::Command command, std::function<void(node::WriteResult)> done);
  void Read(std::function<void(node::ReadResult)> done);
  void Forward(pb::ForwardRequest request, std::function<void(pb::ForwardReply)> done);

  // Runs `task` with the node, on its loop.
  void Run(std::move_only_function<void(node::Node&)> task);

  // The node's view of itself; waits for the loop. None when the node is gone. Requires: not called on the loop.
  [[nodiscard]] std::optional<node::NodeStatus> WaitForStatus();

  // The address to give to clients as the leader's (grpc-api.md §1.4): none when it is unknown or cannot be sent.
  // Requires: called on the loop, for example by a callback.
  [[nodiscard]] std::optional<std::string> LeaderHint() const;
  [[nodiscard]] std::optional<std::string> LeaderHint(NodeId leader) const;

 private:
  io::EventLoop& loop_;
  node::Node& node_;
};

}  // namespace metasrv::server
