#include "node/identity_guard.h"

#include "common/trace.h"
#include "consensus/core.h"

namespace metasrv::node {

std::string DescribeRefusedDisk(NodeId node) {
  return "node " + std::to_string(node.value()) +
         " is not counted: the cluster knows it with another data directory than this one. If the directory was "
         "replaced or is an old copy, stop the node, empty its raft_dir and start it with --join";
}

IdentityGuard::IdentityGuard(const Context& context, const Pump& pump, MessageEncoder& encoder, ClusterId cluster)
    : context_(context), pump_(pump), encoder_(encoder), cluster_(cluster) {
  encoder_.SetCluster(cluster_);
}

bool IdentityGuard::Admits(const Decoded& message) {
  // Two nodes may have been given one address by mistake: nobody answers for somebody else.
  if (message.to != context_.id()) {
    WarnOnce(message.from, "a message for node " + std::to_string(message.to.value()) +
                               " arrived here and was dropped: two nodes seem to have the raft address " +
                               ToString(context_.options.raft_advertise));
    return false;
  }
  if (message.from == context_.id()) {
    const bool own = message.incarnation == pump_.raft().core().incarnation();
    if (!own) {
      WarnOnce(message.from, "a message came from another process that runs as node " +
                                 std::to_string(message.from.value()) + ", at " + ToString(message.sender) +
                                 "; every node needs an id of its own");
    }
    return false;
  }
  const bool foreign = cluster_ != ClusterId() && message.cluster != ClusterId() && message.cluster != cluster_;
  if (!foreign) return true;
  context_.Emit({TraceKind::kForeignCluster, message.from.value(), message.cluster.value(), {}});
  WarnOnce(message.from, "messages of node " + std::to_string(message.from.value()) + " at " +
                             ToString(message.sender) +
                             " are dropped: it belongs to another cluster. Check its raft_dir and its address");
  return false;
}

void IdentityGuard::OnTrace(const TraceEvent& event) {
  const NodeId node(event.a);
  const std::string name = "node " + std::to_string(event.a);
  if (event.kind == TraceKind::kDiskRefused) return WarnOnce(context_.id(), DescribeRefusedDisk(context_.id()));
  if (event.kind == TraceKind::kForeignDisk) {
    return WarnOnce(node, name +
                              " answers with another data directory than the cluster knows it with; what it says "
                              "does not count. An empty one is filled and counted again when " +
                              name +
                              " is started with --join. If so many directories are lost that no leader can be "
                              "elected, only `databend-metactl import --initial-cluster` brings the cluster back");
  }
  if (event.kind == TraceKind::kDiskLied) {
    context_.Warn(name + " has lost entries that its disk had reported as stored (" + std::to_string(event.b) +
                  " were acknowledged). They are sent again; replace the disk: it does not keep what it promises");
  }
}

void IdentityGuard::OnQuiet() {
  if (cluster_ != ClusterId()) return;
  cluster_ = pump_.raft().core().cluster();
  if (cluster_ != ClusterId()) encoder_.SetCluster(cluster_);
}

void IdentityGuard::WarnOnce(NodeId from, const std::string& cause) {
  if (warned_.size() >= kWarningsMax || !warned_.emplace(from, cause).second) return;
  context_.Warn(cause);
}

}  // namespace metasrv::node
