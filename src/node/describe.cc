#include "node/describe.h"

namespace metasrv::node {
namespace {

std::string Optional(const std::optional<LogId>& id) { return id ? "Some(" + ToString(*id) + ")" : "None"; }

std::string Group(const NodeSet& set) {
  std::string out = "{";
  for (const NodeId id : set) out += (out.size() > 1 ? "," : "") + std::to_string(id.value()) + ":EmptyNode";
  return out + "}";
}

std::string DescribeMembership(const RaftStatus& status) {
  std::string voters;
  for (const NodeSet& config : status.membership.configs) voters += (voters.empty() ? "" : ",") + Group(config);
  std::string learners;
  for (const NodeId id : status.membership.Learners()) {
    learners += (learners.empty() ? "" : ",") + std::to_string(id.value()) + ":EmptyNode";
  }
  return "{log_id:" + Optional(status.membership_id) + ", {voters:[" + voters + "], learners:[" + learners + "]}}";
}

}  // namespace

std::string DescribeMetrics(const RaftStatus& status, const std::optional<LogId>& last_applied) {
  const std::string last_log = status.last ? "Some(" + std::to_string(status.last->index.value()) + ")" : "None";
  return "id=" + std::to_string(status.id.value()) + ", " + ToString(status.role) +
         ", term=" + std::to_string(status.hard_state.term.value()) + ", last_log=" + last_log +
         ", last_applied=" + Optional(last_applied) + ", membership=" + DescribeMembership(status);
}

std::string DescribeSelf(const NodeOptions& options) {
  return "{id=" + std::to_string(options.raft.id.value()) + " raft=" + ToString(options.raft_advertise) +
         " grpc=" + options.grpc_advertise.value_or("") + "}";
}

std::string DescribeNodeCommand(const pb::Command& command) {
  if (command.has_add_node()) {
    const auto& add = command.add_node();
    return std::string("applied AddNode(") + (add.overriding() ? "overriding" : "non-overriding") +
           "): id=" + std::to_string(add.node_id()) + ", " + add.node().addr() + ":" +
           std::to_string(add.node().port()) + ", grpc=" + add.node().grpc_api_advertise_address();
  }
  if (command.has_remove_node()) return "applied RemoveNode: id=" + std::to_string(command.remove_node().node_id());
  return {};
}

std::string DescribeDuration(Duration duration) {
  const std::int64_t millis = duration.millis();
  if (millis < 1000) return std::to_string(millis) + "ms";
  std::string text = std::to_string(millis / 1000);
  if (millis % 1000 != 0) {
    std::string fraction = std::to_string(1000 + millis % 1000).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += "." + fraction;
  }
  return text + "s";
}

}  // namespace metasrv::node
