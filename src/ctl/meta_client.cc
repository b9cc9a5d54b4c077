#include "ctl/meta_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "auth.pb.h"
#include "backup/request_json.h"
#include "common/version.h"
#include "ctl/access.h"
#include "meta.grpc.pb.h"

namespace metasrv::ctl {
namespace {

constexpr int kMessageBytesMax = 32 * 1024 * 1024;
// Servers below do not know ExportV1 (metactl.md §4.11).
constexpr std::uint64_t kFirstWithExportV1 = 1'002'315;

std::string Text(const grpc::Status& status) {
  static constexpr const char* kNames[] = {
      "Ok",       "Cancelled",      "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const auto code = static_cast<std::size_t>(status.error_code());
  const std::string name = code < std::size(kNames) ? kNames[code] : std::to_string(code);
  return "gRPC error: status: " + name + ", message: " + status.error_message();
}

}  // namespace

class MetaClient::Impl {
 public:
  explicit Impl(std::optional<Duration> timeout) : timeout_(timeout) {}

  Done Open(const std::string& address) {
    auto credentials = access_.Credentials();
    if (!credentials) return std::unexpected(credentials.error());
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);  // a line of an export may be longer than any request
    arguments.SetMaxSendMessageSize(kMessageBytesMax);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    if (!access_.tls_domain.empty()) arguments.SetSslTargetNameOverride(access_.tls_domain);
    stub = meta::MetaService::NewStub(grpc::CreateCustomChannel(address, *credentials, arguments));
    return Handshake();
  }

  Done Handshake() {
    grpc::ClientContext context;
    SetDeadline(context);
    pb::BasicAuth auth;
    auth.set_username(access_.user);
    auth.set_password(access_.password);
    meta::HandshakeRequest request;
    request.set_protocol_version(kProtocolVersionDigits);
    request.set_payload(auth.SerializeAsString());
    auto stream = stub->Handshake(&context);
    stream->Write(request);
    stream->WritesDone();
    meta::HandshakeResponse response;
    const bool answered = stream->Read(&response);
    if (const auto status = stream->Finish(); !status.ok()) return std::unexpected(Text(status));
    if (!answered) return std::unexpected("gRPC error: the server ended the handshake without an answer");
    token_ = response.payload();
    server_version = response.protocol_version();
    return {};
  }

  void Prepare(grpc::ClientContext& context) const { context.AddMetadata("auth-token-bin", token_); }

  void SetDeadline(grpc::ClientContext& context) const {
    if (timeout_)
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::microseconds(timeout_->micros()));
  }

  // One unary call with token and time-out.
  template <class Request, class Reply>
  Result<Reply> Call(grpc::Status (meta::MetaService::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                     const Request& request) {
    grpc::ClientContext context;
    Prepare(context);
    SetDeadline(context);
    Reply reply;
    if (const auto status = (*stub.*method)(&context, request, &reply); !status.ok())
      return std::unexpected(Text(status));
    return reply;
  }

  // Feeds every item of a server stream to `on_item`.
  template <class Item, class OnItem>
  static Done Drain(grpc::ClientContext& context, grpc::ClientReader<Item>& stream, const OnItem& on_item) {
    Item item;
    while (stream.Read(&item)) {
      if (auto taken = on_item(item); !taken) {
        context.TryCancel();
        return taken;
      }
    }
    if (const auto status = stream.Finish(); !status.ok()) return std::unexpected(Text(status));
    return {};
  }

  std::unique_ptr<meta::MetaService::Stub> stub;
  std::uint64_t server_version = 0;

 private:
  const Access access_ = Access::FromEnvironment();
  std::optional<Duration> timeout_;
  std::string token_;
};

MetaClient::MetaClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetaClient::~MetaClient() = default;

MetaClient::Result<std::unique_ptr<MetaClient>> MetaClient::Connect(const std::string& address,
                                                                    std::optional<Duration> timeout) {
  auto impl = std::make_unique<Impl>(timeout);
  if (auto done = impl->Open(address); !done) return std::unexpected(done.error());
  return std::unique_ptr<MetaClient>(new MetaClient(std::move(impl)));
}

MetaClient::Result<meta::ClusterStatus> MetaClient::Status() {
  return impl_->Call(&meta::MetaService::Stub::GetClusterStatus, meta::Empty{});
}

MetaClient::Result<std::optional<meta::SeqV>> MetaClient::Get(const std::string& key) {
  grpc::ClientContext context;
  impl_->Prepare(context);
  impl_->SetDeadline(context);
  meta::RaftRequest request;
  request.set_data(backup::ReadRequestJson(backup::GetKv{key}));
  std::optional<meta::SeqV> record;
  auto done =
      Impl::Drain(context, *impl_->stub->KvReadV1(&context, request), [&record](const meta::StreamItem& item) -> Done {
        if (item.has_value()) record = item.value();
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return record;
}

MetaClient::Result<meta::TxnPutResponse> MetaClient::Upsert(const std::string& key, const std::string& value) {
  meta::TxnRequest request;
  auto* condition = request.add_condition();
  condition->set_key(key);
  condition->set_seq(0);
  condition->set_expected(meta::TxnCondition::GE);
  auto* put = request.add_if_then()->mutable_put();
  put->set_key(key);
  put->set_value(value);
  put->set_prev_value(true);
  request.add_else_then()->mutable_get()->set_key(key);
  auto reply = impl_->Call(&meta::MetaService::Stub::Transaction, request);
  if (!reply) return std::unexpected(reply.error());
  if (reply->responses_size() != 1 || !reply->responses(0).has_put()) {
    return std::unexpected("unexpected answer to a write: " + reply->ShortDebugString());
  }
  return reply->responses(0).put();
}

MetaClient::Result<std::vector<std::string>> MetaClient::MemberList() {
  auto reply = impl_->Call(&meta::MetaService::Stub::MemberList, meta::MemberListRequest{});
  if (!reply) return std::unexpected(reply.error());
  return std::vector<std::string>(reply->data().begin(), reply->data().end());
}

MetaClient::Done MetaClient::List(const std::string& prefix,
                                  const std::function<Done(const meta::StreamItem&)>& on_item) {
  grpc::ClientContext context;
  impl_->Prepare(context);
  meta::KvListRequest request;
  request.set_prefix(prefix);
  return Impl::Drain(context, *impl_->stub->KvList(&context, request), on_item);
}

MetaClient::Done MetaClient::Export(std::optional<std::uint64_t> chunk_size,
                                    const std::function<Done(const std::string& line)>& on_item) {
  grpc::ClientContext context;
  impl_->Prepare(context);
  const auto each_line = [&on_item](const meta::ExportedChunk& chunk) -> Done {
    for (const auto& line : chunk.data()) {
      if (auto taken = on_item(line); !taken) return taken;
    }
    return {};
  };
  if (impl_->server_version < kFirstWithExportV1) {
    return Impl::Drain(context, *impl_->stub->Export(&context, meta::Empty{}), each_line);
  }
  meta::ExportRequest request;
  if (chunk_size) request.set_chunk_size(*chunk_size);
  return Impl::Drain(context, *impl_->stub->ExportV1(&context, request), each_line);
}

MetaClient::Done MetaClient::Watch(const meta::WatchRequest& request,
                                   const std::function<Done(const meta::WatchResponse&)>& on_item) {
  grpc::ClientContext context;
  impl_->Prepare(context);
  return Impl::Drain(context, *impl_->stub->Watch(&context, request), on_item);
}

MetaClient::Done MetaClient::KeysLayout(std::optional<std::uint32_t> depth,
                                        const std::function<Done(const meta::KeysCount&)>& on_item) {
  grpc::ClientContext context;
  impl_->Prepare(context);
  meta::KeysLayoutRequest request;
  if (depth) request.set_depth(*depth);
  return Impl::Drain(context, *impl_->stub->SnapshotKeysLayout(&context, request), on_item);
}

}  // namespace metasrv::ctl
