#include "sm/cluster_commands.h"

#include <optional>
#include <string>

#include "sm/layout.h"
#include "sm/row_codec.h"

namespace metasrv::sm {

void RunAddNode(Overlay& state, const meta::CmdAddNode& command, pb::NodeReply& reply) {
  const std::string row = NodeRow(NodeId(command.node_id()));
  const std::optional<std::string> present = state.GetRow(row);
  if (present.has_value()) *reply.mutable_prev() = ParseRow<meta::Node>(*present);
  if (present.has_value() && !command.overriding()) {
    *reply.mutable_result() = reply.prev();
    return;
  }
  state.PutRow(row, command.node().SerializeAsString());
  *reply.mutable_result() = command.node();
}

void RunRemoveNode(Overlay& state, const meta::CmdRemoveNode& command, pb::NodeReply& reply) {
  const std::string row = NodeRow(NodeId(command.node_id()));
  const std::optional<std::string> present = state.GetRow(row);
  if (!present.has_value()) return;
  *reply.mutable_prev() = ParseRow<meta::Node>(*present);
  state.DeleteRow(row);
}

void RunSetFeature(Overlay& state, const meta::CmdSetFeature& command) {
  std::string row = FeatureRow(command.feature());
  if (command.enable()) {
    state.PutRow(std::move(row), "");
  } else {
    state.DeleteRow(std::move(row));
  }
}

}  // namespace metasrv::sm
