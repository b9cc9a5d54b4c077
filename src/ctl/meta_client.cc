#include "ctl/meta_client.h"

#include <utility>

#include "backup/request_json.h"
#include "ctl/grpc_session.h"

namespace metasrv::ctl {
namespace {

// Servers below do not know ExportV1 (metactl.md §4.11).
constexpr std::uint64_t kFirstWithExportV1 = 1'002'315;

}  // namespace

class MetaClient::Impl {
 public:
  explicit Impl(std::optional<Duration> timeout) : timeout_(timeout) {}

  Done Open(const std::string& address) {
    const Access access = Access::FromEnvironment();
    auto opened = OpenStub(address, access);
    if (!opened) return std::unexpected(opened.error());
    stub = std::move(*opened);
    auto answered = Handshake(*stub, access, timeout_);
    if (!answered) return std::unexpected(answered.error());
    session = std::move(*answered);
    return {};
  }

  // For a unary call: with the time-out, which the life of a stream does not have.
  void PrepareUnary(grpc::ClientContext& context) const {
    session.Authorize(context);
    if (timeout_) SetDeadline(context, *timeout_);
  }

  // One unary call with token and time-out.
  template <class Request, class Reply>
  Result<Reply> Call(grpc::Status (meta::MetaService::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                     const Request& request) {
    grpc::ClientContext context;
    PrepareUnary(context);
    Reply reply;
    if (const auto status = (*stub.*method)(&context, request, &reply); !status.ok())
      return std::unexpected(ErrorText(status));
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
    if (const auto status = stream.Finish(); !status.ok()) return std::unexpected(ErrorText(status));
    return {};
  }

  std::unique_ptr<meta::MetaService::Stub> stub;
  Session session;

 private:
  std::optional<Duration> timeout_;
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
  impl_->PrepareUnary(context);
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

meta::TxnRequest UpsertRequest(const std::string& key, const std::string& value) {
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
  return request;
}

std::expected<meta::TxnPutResponse, std::string> UpsertReply(const meta::TxnReply& reply) {
  if (reply.responses_size() != 1 || !reply.responses(0).has_put()) {
    return std::unexpected("unexpected answer to a write: " + reply.ShortDebugString());
  }
  return reply.responses(0).put();
}

MetaClient::Result<meta::TxnPutResponse> MetaClient::Upsert(const std::string& key, const std::string& value) {
  auto reply = impl_->Call(&meta::MetaService::Stub::Transaction, UpsertRequest(key, value));
  if (!reply) return std::unexpected(reply.error());
  return UpsertReply(*reply);
}

MetaClient::Result<std::vector<std::string>> MetaClient::MemberList() {
  auto reply = impl_->Call(&meta::MetaService::Stub::MemberList, meta::MemberListRequest{});
  if (!reply) return std::unexpected(reply.error());
  return std::vector<std::string>(reply->data().begin(), reply->data().end());
}

MetaClient::Done MetaClient::List(const std::string& prefix,
                                  const std::function<Done(const meta::StreamItem&)>& on_item) {
  grpc::ClientContext context;
  impl_->session.Authorize(context);
  meta::KvListRequest request;
  request.set_prefix(prefix);
  return Impl::Drain(context, *impl_->stub->KvList(&context, request), on_item);
}

MetaClient::Done MetaClient::Export(std::optional<std::uint64_t> chunk_size,
                                    const std::function<Done(const std::string& line)>& on_item) {
  grpc::ClientContext context;
  impl_->session.Authorize(context);
  const auto each_line = [&on_item](const meta::ExportedChunk& chunk) -> Done {
    for (const auto& line : chunk.data()) {
      if (auto taken = on_item(line); !taken) return taken;
    }
    return {};
  };
  if (impl_->session.server_version < kFirstWithExportV1) {
    return Impl::Drain(context, *impl_->stub->Export(&context, meta::Empty{}), each_line);
  }
  meta::ExportRequest request;
  if (chunk_size) request.set_chunk_size(*chunk_size);
  return Impl::Drain(context, *impl_->stub->ExportV1(&context, request), each_line);
}

MetaClient::Done MetaClient::Watch(const meta::WatchRequest& request,
                                   const std::function<Done(const meta::WatchResponse&)>& on_item) {
  grpc::ClientContext context;
  impl_->session.Authorize(context);
  return Impl::Drain(context, *impl_->stub->Watch(&context, request), on_item);
}

MetaClient::Done MetaClient::KeysLayout(std::optional<std::uint32_t> depth,
                                        const std::function<Done(const meta::KeysCount&)>& on_item) {
  grpc::ClientContext context;
  impl_->session.Authorize(context);
  meta::KeysLayoutRequest request;
  if (depth) request.set_depth(*depth);
  return Impl::Drain(context, *impl_->stub->SnapshotKeysLayout(&context, request), on_item);
}

}  // namespace metasrv::ctl
