#include <grpcpp/grpcpp.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "auth.pb.h"
#include "backup/encode.h"
#include "backup/request_json.h"
#include "meta.grpc.pb.h"
#include "server/commands.h"
#include "server/version.h"

namespace metasrv::server {
namespace {

using Json = nlohmann::ordered_json;
using Output = std::expected<std::string, std::string>;
using Items = std::expected<std::vector<meta::StreamItem>, std::string>;

constexpr std::chrono::seconds kTimeout{30};

std::string Text(const grpc::Status& status) { return "status: " + status.error_message(); }

Json RecordOrNull(const meta::StreamItem& item) {
  return item.has_value() ? Json::parse(backup::ToJson(item.value())) : Json(nullptr);
}

// A session with the server that the configuration names.
class Client {
 public:
  static std::expected<Client, std::string> Connect(const Config& config) {
    Client client;
    client.stub_ =
        meta::MetaService::NewStub(grpc::CreateChannel(config.grpc_api_address, grpc::InsecureChannelCredentials()));
    pb::BasicAuth auth;
    auth.set_username(config.kvapi.username);
    auth.set_password(config.kvapi.password);
    meta::HandshakeRequest request;
    request.set_protocol_version(kProtocolVersionDigits);
    request.set_payload(auth.SerializeAsString());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    const auto stream = client.stub_->Handshake(&context);
    stream->Write(request);
    stream->WritesDone();
    meta::HandshakeResponse response;
    const bool answered = stream->Read(&response);
    if (const grpc::Status status = stream->Finish(); !answered || !status.ok()) return std::unexpected(Text(status));
    client.token_ = response.payload();
    return client;
  }

  // The reply's JSON, indented.
  Output Upsert(const pb::UpsertKv& upsert) const {
    grpc::ClientContext context;
    Prepare(context);
    meta::RaftRequest request;
    request.set_data(backup::KvApiRequestJson(upsert));
    meta::RaftReply reply;
    if (const grpc::Status status = stub_->KvApi(&context, request, &reply); !status.ok()) {
      return std::unexpected(Text(status));
    }
    return Json::parse(reply.data()).dump(2);
  }

  Items Read(const backup::ReadRequest& read) const {
    grpc::ClientContext context;
    Prepare(context);
    meta::RaftRequest request;
    request.set_data(backup::ReadRequestJson(read));
    const auto stream = stub_->KvReadV1(&context, request);
    std::vector<meta::StreamItem> items;
    for (meta::StreamItem item; stream->Read(&item);) items.push_back(item);
    if (const grpc::Status status = stream->Finish(); !status.ok()) return std::unexpected(Text(status));
    return items;
  }

 private:
  void Prepare(grpc::ClientContext& context) const {
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    context.AddMetadata("auth-token-bin", token_);
  }

  std::unique_ptr<meta::MetaService::Stub> stub_;
  std::string token_;
};

pb::UpsertKv UpsertOf(const KvApiArguments& arguments) {
  pb::UpsertKv upsert;
  upsert.set_key(arguments.key.front());
  upsert.mutable_seq()->mutable_any();
  upsert.mutable_value()->set_update(arguments.value);
  if (arguments.expire_after) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    upsert.mutable_value_meta()->set_expire_at(static_cast<std::uint64_t>(seconds) + *arguments.expire_after);
  }
  return upsert;
}

pb::UpsertKv DeletionOf(const KvApiArguments& arguments) {
  pb::UpsertKv upsert;
  upsert.set_key(arguments.key.front());
  upsert.mutable_seq()->mutable_any();
  upsert.mutable_value()->mutable_delete_();
  return upsert;
}

Output Get(const Client& client, const std::string& key) {
  const auto items = client.Read(backup::GetKv{key});
  if (!items) return std::unexpected(items.error());
  return (items->empty() ? Json(nullptr) : RecordOrNull(items->front())).dump(2);
}

Output MGet(const Client& client, const std::vector<std::string>& keys) {
  const auto items = client.Read(backup::MGetKv{keys});
  if (!items) return std::unexpected(items.error());
  Json list = Json::array();
  for (const auto& item : *items) list.push_back(RecordOrNull(item));
  return list.dump(2);
}

Output List(const Client& client, const std::string& prefix) {
  const auto items = client.Read(backup::ListKv{prefix});
  if (!items) return std::unexpected(items.error());
  Json list = Json::array();
  for (const auto& item : *items) list.push_back(Json::array({item.key(), RecordOrNull(item)}));
  return list.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::expected<std::string, std::string> RunKvApi(const Config& config, const std::string& operation) {
  const KvApiArguments& arguments = config.kvapi;
  const bool is_multi = operation == "mget" || operation == "list";
  if (!is_multi && operation != "upsert" && operation != "delete" && operation != "get") {
    return std::unexpected("Unknown kv api command: " + config.cmd);
  }
  if (!is_multi && arguments.key.size() != 1) return std::unexpected("The number of keys must be 1");
  auto client = Client::Connect(config);
  if (!client) return std::unexpected(client.error());
  if (operation == "upsert") return client->Upsert(UpsertOf(arguments));
  if (operation == "delete") return client->Upsert(DeletionOf(arguments));
  if (operation == "get") return Get(*client, arguments.key.front());
  if (operation == "mget") return MGet(*client, arguments.key);
  return List(*client, arguments.prefix);
}

}  // namespace metasrv::server
