#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "ctl/admin_client.h"
#include "ctl/commands.h"

namespace metasrv::ctl {
namespace {

using Json = nlohmann::ordered_json;

// The JSON body of an admin answer.
std::expected<Json, std::string> AdminJson(const std::string& address, const std::string& path) {
  auto body = AdminGet(address, path);
  if (!body) return std::unexpected(body.error());
  auto json = Json::parse(*body, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return std::unexpected("answer is not JSON: " + *body);
  return json;
}

bool IsTransfer(const Json& json) {
  return json.is_object() && json.contains("from") && json["from"].is_number_unsigned() && json.contains("to") &&
         json["to"].is_number_unsigned() && json.contains("voter_ids") && json["voter_ids"].is_array();
}

std::string ListText(const Json& numbers) {
  std::string text;
  for (const auto& number : numbers) text += (text.empty() ? "" : ", ") + number.dump();
  return "[" + text + "]";
}

}  // namespace

CommandResult Execute(const TransferLeaderCommand& command, const Terminal& terminal) {
  const std::string query = command.to ? "?to=" + std::to_string(*command.to) : "";
  const auto json = AdminJson(command.admin_address, "/v1/ctrl/trigger_transfer_leader" + query);
  if (!json) return std::unexpected(json.error());
  if (!IsTransfer(*json)) return std::unexpected("unexpected answer: " + json->dump());
  terminal.out << "triggered leader transfer from " << (*json)["from"] << " to " << (*json)["to"] << ".\n"
               << "voter ids: " << ListText((*json)["voter_ids"]) << '\n';
  return {};
}

CommandResult Execute(const TriggerSnapshotCommand& command, const Terminal& terminal) {
  const auto body = AdminGet(command.admin_address, "/v1/ctrl/trigger_snapshot");
  if (!body) return std::unexpected(body.error());
  terminal.out << "triggered snapshot successfully.\n";
  return {};
}

CommandResult Execute(const SetFeatureCommand& command, const Terminal& terminal) {
  const std::string query =
      "feature=" + QueryEscape(command.feature) + "&enable=" + (command.enable ? "true" : "false");
  const auto json = AdminJson(command.admin_address, "/v1/features/set?" + query);
  if (!json) return std::unexpected(json.error());
  terminal.out << "set-feature: Done; features:\n" << json->dump(2) << '\n';
  return {};
}

CommandResult Execute(const ListFeaturesCommand& command, const Terminal& terminal) {
  const auto json = AdminJson(command.admin_address, "/v1/features/list");
  if (!json) return std::unexpected(json.error());
  terminal.out << json->dump(2) << '\n';
  return {};
}

CommandResult Execute(const MetricsCommand& command, const Terminal& terminal) {
  const auto body = AdminGet(command.admin_address, "/v1/metrics");
  if (!body) return std::unexpected("Failed to get metrics: Admin API error: " + body.error());
  terminal.out << *body << '\n';
  return {};
}

}  // namespace metasrv::ctl
