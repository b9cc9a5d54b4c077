#include <grpcpp/grpcpp.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "backup/request_json.h"
#include "meta.grpc.pb.h"
#include "server/commands.h"
#include "server/log.h"
#include "server/raft_tls.h"

namespace metasrv::server {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::seconds kTimeout{10};

// The text of an AnyError and of the error that carries it (grpc-api.md §5.6).
std::string Describe(const std::string& error_json) {
  const Json error = Json::parse(error_json, nullptr, false);
  if (error.contains("CanNotForward")) {
    return "can not forward any more: " + error["CanNotForward"].value("msg", error_json);
  }
  const Json::json_pointer read_error("/DataError/ReadError");
  if (error.is_object() && error.contains(read_error)) {
    const Json& read = error[read_error];
    return "fail to " + read.value("action", "") + ": " + read.value("msg", "") +
           ", source: " + read.value("/source/msg"_json_pointer, "");
  }
  return error_json;
}

using Credentials = std::shared_ptr<grpc::ChannelCredentials>;

std::expected<void, std::string> LeaveVia(const RaftConfig& config, const Credentials& credentials,
                                          const std::string& address) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  context.set_wait_for_ready(false);
  if (config.raft_secret) context.AddMetadata("x-databend-meta-raft-secret", *config.raft_secret);
  meta::RaftRequest request;
  request.set_data(backup::LeaveRequestJson(1, NodeId(*config.leave_id)));
  meta::RaftReply reply;
  grpc::ChannelArguments arguments;
  if (!config.raft_tls_domain.empty()) arguments.SetSslTargetNameOverride(config.raft_tls_domain);
  const auto stub = meta::RaftService::NewStub(grpc::CreateCustomChannel(address, credentials, arguments));
  const grpc::Status status = stub->Forward(&context, request, &reply);
  if (!status.ok()) return std::unexpected(address + ": " + ExplainUnreachable(config, status.error_message()));
  if (reply.data().empty()) return std::unexpected(Describe(reply.error()));
  return {};
}

}  // namespace

std::expected<void, std::string> Leave(const RaftConfig& config) {
  const std::string id = std::to_string(*config.leave_id);
  const auto credentials = RaftChannelCredentials(config, PeerRole::kCaller);
  if (!credentials) return std::unexpected(credentials.error());
  std::string addresses;
  std::string errors;
  for (const std::string& address : config.leave_via) {
    auto left = LeaveVia(config, *credentials, address);
    if (left) {
      LogInfo("node Some(" + id + ") has left cluster");
      return {};
    }
    LogWarn("leave via " + address + " failed: " + left.error());
    addresses += (addresses.empty() ? "" : ", ") + address;
    errors += (errors.empty() ? "" : ", ") + left.error();
  }
  return std::unexpected("fail to leave " + id + " cluster via [" + addresses + "], caused by errors: " + errors);
}

}  // namespace metasrv::server
