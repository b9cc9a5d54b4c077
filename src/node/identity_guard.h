#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>

#include "node/context.h"
#include "node/pump.h"
#include "node/wire.h"

namespace metasrv::node {

// Keeps out what is not meant for this node: messages for another id and messages of another cluster (decision 0013).
// The operator hears of each sender and cause once.
class IdentityGuard {
 public:
  // `cluster`: what the disk knew; 0 for nothing. `encoder` is told the cluster's name when it is known.
  IdentityGuard(const Context& context, const Pump& pump, MessageEncoder& encoder, ClusterId cluster);

  // Whether the message may be looked at.
  [[nodiscard]] bool Admits(const Decoded& message);

  // Tells the operator of disks that do not count.
  void OnTrace(const TraceEvent& event);

  // Consensus may have learned which cluster this is.
  void OnQuiet();

 private:
  static constexpr std::size_t kWarningsMax = 64;  // strangers must not fill the memory

  void WarnOnce(NodeId from, const std::string& cause);

  const Context& context_;
  const Pump& pump_;
  MessageEncoder& encoder_;
  ClusterId cluster_;
  std::set<std::pair<NodeId, std::string>> warned_;
};

// For the operator: what to do about a disk that the cluster does not count on. `node` is the one that has it.
[[nodiscard]] std::string DescribeRefusedDisk(NodeId node);

}  // namespace metasrv::node
