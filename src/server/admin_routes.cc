#include "server/admin_routes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <expected>
#include <future>
#include <nlohmann/json.hpp>

#include "server/log.h"
#include "server/profiler.h"
#include "server/status_text.h"
#include "sm/read.h"

namespace metasrv::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 2> kFeatures{"dummy", "dummy_feature2"};

HttpReply Failed(std::string text) { return {500, std::move(text)}; }

HttpReply FromStatus(const AdminContext& context, const char* what, std::string (*render)(const node::NodeStatus&)) {
  const auto status = context.node.WaitForStatus();
  if (!status) return Failed(std::string("Failed to get ") + what + ": MetaNodeStopped");
  return JsonReply(render(*status));
}

HttpReply MetricsPage(const AdminContext& context) {
  auto status = context.node.WaitForStatus();
  if (!status) return Failed("Failed to get metrics: MetaNodeStopped");
  return {200, context.metrics.Render({std::move(*status), context.peers(), context.state()}, context.events)};
}

// Runs `task` on the node's loop and waits for what it sets; none when the node is gone meanwhile.
template <class T>
std::optional<T> Ask(NodeHandle& handle, std::function<void(node::Node&, std::shared_ptr<std::promise<T>>)> task) {
  auto promise = std::make_shared<std::promise<T>>();
  auto future = promise->get_future();
  handle.Run([promise = std::move(promise), task = std::move(task)](node::Node& node) { task(node, promise); });
  try {
    return future.get();
  } catch (const std::future_error&) {
    return std::nullopt;
  }
}

HttpReply ListFeatures(const AdminContext& context) {
  const auto enabled = Ask<std::vector<std::string>>(context.node, [](node::Node& node, const auto& promise) {
    promise->set_value(sm::ReadFeatures(*node.LocalState()));
  });
  if (!enabled) return Failed("MetaNodeStopped");
  return JsonReply(Json{{"features", kFeatures}, {"enabled", *enabled}}.dump());
}

std::optional<std::string> Find(const HttpQuery& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() ? std::nullopt : std::optional(found->second);
}

std::string RustList(const NodeSet& ids) {
  std::string text;
  for (const NodeId id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id.value());
  return "[" + text + "]";
}

std::string RustOption(const std::optional<NodeId>& id) {
  return id ? "Some(" + std::to_string(id->value()) + ")" : "None";
}

std::string NotLeaderText(const AdminContext& context) {
  const auto status = context.node.WaitForStatus();
  return "This node is not leader, cannot set feature; id=" + std::to_string(status ? status->raft.id.value() : 0) +
         "; current_leader=" + RustOption(status ? status->raft.leader : std::nullopt);
}

// The lines that runbooks look for (operations.md §5.2).
void LogSetFeature(const AdminContext& context, const std::string& feature, const std::string& enable) {
  const auto status = context.node.WaitForStatus();
  const std::string node = "id=" + std::to_string(status ? status->raft.id.value() : 0) + " ";
  LogInfo(node + "Received set_feature request: feature=" + feature + ", enable=" + enable);
  if (status && status->raft.role == RoleName::kLeader)
    LogInfo(node + "Begin to set feature: " + feature + " to " + enable);
}

HttpReply SetFeature(const AdminContext& context, const HttpQuery& query) {
  const auto feature = Find(query, "feature");
  const auto enable = Find(query, "enable");
  const bool known = feature && std::ranges::find(kFeatures, *feature) != kFeatures.end();
  if (!known || !enable || (*enable != "true" && *enable != "false")) {
    return {400, "'feature' and 'enable' query parameters are required"};
  }
  LogSetFeature(context, *feature, *enable);
  pb::Command command;
  command.mutable_set_feature()->set_feature(*feature);
  command.mutable_set_feature()->set_enable(*enable == "true");
  const auto result = Ask<node::WriteResult>(context.node, [&command](node::Node& node, const auto& promise) {
    node.WriteHere(command, [promise](node::WriteResult written) { promise->set_value(std::move(written)); });
  });
  if (!result) return Failed("MetaNodeStopped");
  if (result->status == node::WriteStatus::kNoLeader) return {404, NotLeaderText(context)};
  if (result->status != node::WriteStatus::kApplied) return Failed("Failed to set feature: " + result->detail);
  return ListFeatures(context);
}

HttpReply ToHttp(const node::TransferReply& reply) {
  const std::string to = reply.to ? std::to_string(reply.to->value()) : "";
  switch (reply.status) {
    case node::TransferStatus::kStarted: break;
    case node::TransferStatus::kNotLeader:
      return {404, "This node is not leader, can not transfer leadership;\nid=" + std::to_string(reply.from.value()) +
                       "\ncurrent_leader=" + RustOption(reply.leader) + "\nvoter_ids=" + RustList(reply.voters)};
    case node::TransferStatus::kNotVoter:
      return {400, "node " + to + " can not lead: it is not a voter, or about to be removed; choose one of voter_ids=" +
                       RustList(reply.voters)};
    case node::TransferStatus::kInProgress:
      return Failed("leadership is being handed to another node; look at /v1/cluster/status and try again");
  }
  Json voters = Json::array();
  for (const NodeId id : reply.voters) voters.push_back(id.value());
  return JsonReply(Json{{"from", reply.from.value()}, {"to", reply.to->value()}, {"voter_ids", voters}}.dump());
}

// The lines that runbooks look for (operations.md §5.2).
void LogTransfer(const node::TransferReply& reply, const std::optional<NodeId>& asked, const HttpReply& http) {
  const std::string node = "id=" + std::to_string(reply.from.value()) + " ";
  LogInfo(node + "Received trigger_transfer_leader request: to=" + RustOption(asked));
  if (reply.status == node::TransferStatus::kStarted) {
    LogInfo(node + "Begin to transfer leadership to node: " + std::to_string(reply.to->value()));
  } else {
    std::string line = http.body;
    std::ranges::replace(line, '\n', ' ');
    LogWarn(node + line);
  }
}

// Answers when the hand-over has begun, not when it is done (operations.md §2.5).
HttpReply TransferLeader(const AdminContext& context, const HttpQuery& query) {
  std::optional<NodeId> to;
  if (const auto text = Find(query, "to")) {
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), id);
    if (error != std::errc() || end != text->data() + text->size()) {
      LogWarn("trigger_transfer_leader: `to=" + *text + "` is not the id of a node and was ignored");
    } else {
      to = NodeId(id);
    }
  }
  const auto reply = Ask<node::TransferReply>(
      context.node, [to](node::Node& node, const auto& promise) { promise->set_value(node.TransferLeadership(to)); });
  if (!reply) return Failed("MetaNodeStopped");
  HttpReply http = ToHttp(*reply);
  LogTransfer(*reply, to, http);
  return http;
}

HttpReply TriggerSnapshot(const AdminContext& context) {
  context.node.Run([](node::Node& node) { node.TriggerSnapshot(); });
  return JsonReply("null");
}

HttpReply DebugHome() {
  return {200, R"(<a href="/debug/pprof/profile?seconds=5">CPU profile of 5 seconds</a>)", "text/html; charset=utf-8"};
}

// A number of the query between 1 and `max`; anything else is the default.
std::uint64_t NumberOr(const HttpQuery& query, const char* name, std::uint64_t otherwise, std::uint64_t max) {
  const auto text = Find(query, name);
  std::uint64_t value = 0;
  if (!text) return otherwise;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  const bool good = error == std::errc() && end == text->data() + text->size() && value >= 1 && value <= max;
  return good ? value : otherwise;
}

HttpReply Profile(const HttpQuery& query) {
  constexpr std::uint64_t kSecondsMax = 3600;
  constexpr std::uint64_t kFrequencyMax = 1000;
  const std::chrono::seconds duration(NumberOr(query, "seconds", 5, kSecondsMax));
  auto profile = CpuProfile(duration, static_cast<int>(NumberOr(query, "frequency", 99, kFrequencyMax)));
  if (!profile) return Failed(profile.error());
  return {200, std::move(*profile), "application/octet-stream"};
}

// The last resort (docs/OPERATIONS.md): the node's own id is the confirmation.
HttpReply ForceSingleVoter(const AdminContext& context, const HttpQuery& query) {
  const auto status = context.node.WaitForStatus();
  if (!status) return Failed("MetaNodeStopped");
  const std::string id = std::to_string(status->raft.id.value());
  if (Find(query, "id") != id) {
    return {400, "this gives up all other voters for good; confirm it with id=" + id + ", the id of this node"};
  }
  using Result = std::expected<void, std::string>;
  const auto forced = Ask<Result>(context.node, [](node::Node& node, const auto& promise) {
    node.ForceSingleVoter([promise](Result result) { promise->set_value(std::move(result)); });
  });
  if (!forced) return Failed("MetaNodeStopped");
  if (!*forced) return {409, "refused: " + forced->error()};
  return JsonReply(Json{{"single_voter", status->raft.id.value()}}.dump());
}

}  // namespace

HttpRoutes AdminRoutes(const AdminContext& context) {
  const AdminContext* admin = &context;
  return {
      {"/v1/health", [](const HttpQuery&) { return JsonReply(R"({"status":"pass"})"); }},
      {"/v1/config",
       [admin](const HttpQuery&) {
         return HttpReply{200, admin->config_dump};
       }},
      {"/v1/cluster/nodes", [admin](const HttpQuery&) { return FromStatus(*admin, "nodes", NodesJson); }},
      {"/v1/cluster/status", [admin](const HttpQuery&) { return FromStatus(*admin, "status", StatusJson); }},
      {"/v1/cluster/state", [admin](const HttpQuery&) { return FromStatus(*admin, "state", StateJson); }},
      {"/v1/cluster/state_hash", [admin](const HttpQuery&) { return FromStatus(*admin, "state hash", StateHashJson); }},
      {"/v1/metrics", [admin](const HttpQuery&) { return MetricsPage(*admin); }},
      {"/v1/ctrl/trigger_snapshot", [admin](const HttpQuery&) { return TriggerSnapshot(*admin); }},
      {"/v1/ctrl/trigger_transfer_leader", [admin](const HttpQuery& query) { return TransferLeader(*admin, query); }},
      {"/v1/ctrl/force_single_voter", [admin](const HttpQuery& query) { return ForceSingleVoter(*admin, query); }},
      {"/v1/features/list", [admin](const HttpQuery&) { return ListFeatures(*admin); }},
      {"/v1/features/set", [admin](const HttpQuery& query) { return SetFeature(*admin, query); }},
      {"/debug/home", [](const HttpQuery&) { return DebugHome(); }},
      {"/debug/pprof/profile", Profile},
  };
}

HttpRoutes MetricRoutes(const AdminContext& context) {
  return {{"/metrics", [admin = &context](const HttpQuery&) { return MetricsPage(*admin); }}};
}

}  // namespace metasrv::server
