#include "server/raft_api.h"

#include <algorithm>
#include <limits>

#include "backup/reply_json.h"
#include "backup/request_json.h"
#include "server/meta_service.h"
#include "sm/read.h"

namespace metasrv::server {
namespace {

constexpr const char* kSecretHeader = "x-databend-meta-raft-secret";

pb::ForwardRequest ToNodeRequest(const backup::Join& join) {
  pb::ForwardRequest request;
  pb::JoinRequest& out = *request.mutable_join();
  out.set_node_id(join.node_id.value());
  out.set_host(join.endpoint.host);
  out.set_port(join.endpoint.port);
  if (join.grpc_api_advertise_address) out.set_grpc_api_advertise_address(*join.grpc_api_advertise_address);
  out.set_learner(join.learner);
  return request;
}

pb::ForwardRequest ToNodeRequest(const backup::Leave& leave) {
  pb::ForwardRequest request;
  request.mutable_leave()->set_node_id(leave.node_id.value());
  return request;
}

pb::ForwardRequest ToNodeRequest(const pb::Command& command) {
  pb::ForwardRequest request;
  *request.mutable_write() = command;
  return request;
}

// What a peer takes as one message. A longer list can only be streamed.
constexpr std::size_t kListBytesMax = std::size_t{32} << 20U;

// At least what a record takes as JSON: each byte of its value is a number and a comma.
std::size_t JsonBytes(const meta::StreamItem& item) { return item.key().size() + 2 * item.value().data().size() + 50; }

// The answers of the three reads, as one JSON text each; an error is the JSON of one, too.
class ReadAnswer {
 public:
  explicit ReadAnswer(const node::ReadResult& view) : view_(view) {}

  using Text = std::expected<std::string, std::string>;

  Text operator()(const backup::GetKv& get) const {
    return backup::GetReplyJson(sm::GetRecord(*view_.state, get.key, view_.now));
  }
  Text operator()(const backup::MGetKv& mget) const {
    std::vector<std::optional<meta::SeqV>> records;
    for (const std::string& key : mget.keys) records.push_back(sm::GetRecord(*view_.state, key, view_.now));
    return backup::MGetReplyJson(records);
  }
  Text operator()(const backup::ListKv& list) const {
    std::vector<std::pair<std::string, meta::SeqV>> records;
    sm::PrefixScan scan(*view_.state, list.prefix, view_.now);
    std::size_t bytes = 0;
    while (auto item = scan.Next()) {
      bytes += JsonBytes(*item);
      if (bytes > kListBytesMax) return TooLong(list.prefix);
      records.emplace_back(std::move(*item->mutable_key()), std::move(*item->mutable_value()));
    }
    return backup::ListReplyJson(records);
  }

 private:
  static Text TooLong(const std::string& prefix) {
    return std::unexpected(backup::ReadErrorJson(
        "list_kv", prefix,
        {std::nullopt, "the list is larger than one message may be; read it with KvReadV1, which streams it"}));
  }

  const node::ReadResult& view_;
};

// A refusal reads "fail to <action>: <msg>, source: <cause>" (grpc-api.md §5.6); the node's own texts may have that
// shape already.
std::string RefusalJson(const std::string& action, std::string text) {
  if (const std::string prefix = "fail to " + action + ": "; text.starts_with(prefix)) text.erase(0, prefix.size());
  const std::string separator = ", source: ";
  const std::size_t split = text.find(separator);
  if (split == std::string::npos) return backup::ReadErrorJson(action, text, {std::nullopt, "refused"});
  return backup::ReadErrorJson(action, text.substr(0, split), {std::nullopt, text.substr(split + separator.size())});
}

// Peers are answered with the branch that ran, whichever kind the transaction was of (grpc-api.md §5.4, kv-semantics.md
// §6.3).
pb::AppliedState ByBranch(const pb::AppliedState& applied, std::uint32_t branches, bool has_else) {
  if (!applied.has_transaction()) return applied;
  const meta::TxnReply& txn = applied.transaction();
  pb::AppliedState answer;
  meta::KvTransactionReply& reply = *answer.mutable_kv_transaction();
  *reply.mutable_responses() = txn.responses();
  if (const std::string prefix = "operation:"; txn.execution_path().starts_with(prefix)) {
    reply.set_executed_branch(static_cast<std::uint32_t>(std::stoul(txn.execution_path().substr(prefix.size()))));
  } else if (txn.success()) {
    reply.set_executed_branch(branches);
  } else if (has_else) {
    reply.set_executed_branch(branches + 1);
  }
  return answer;
}

class RaftServiceImpl final : public meta::RaftService::CallbackService {
 public:
  RaftServiceImpl(const ServiceContext& services, SecretCheck check_secret)
      : services_(services), check_secret_(std::move(check_secret)) {}

  grpc::ServerUnaryReactor* Forward(grpc::CallbackServerContext* context, const meta::RaftRequest* request,
                                    meta::RaftReply* reply) override {
    const UnaryCall call(context, services_.metrics, CallKind::kOther, request->ByteSizeLong());
    if (auto refusal = Refusal(*context)) {
      return call.Fail({CallCode::kUnauthenticated, *refusal}), call.reactor();
    }
    auto parsed = Parse(*request);
    if (!parsed) return call.Fail(parsed.error()), call.reactor();
    const auto hops = static_cast<std::uint32_t>(std::min<std::uint64_t>(parsed->hops, 1));
    std::visit([&](auto& body) { Serve(call, reply, hops, body); }, parsed->body);
    return call.reactor();
  }

  grpc::ServerWriteReactor<meta::StreamItem>* KvReadV1(grpc::CallbackServerContext* context,
                                                       const meta::RaftRequest* request) override {
    auto* call =
        new StreamCall<meta::StreamItem>(context, services_.metrics, CallKind::kOther, request->ByteSizeLong());
    if (auto refusal = Refusal(*context)) return call->Fail({CallCode::kUnauthenticated, *refusal}), call;
    auto parsed = Parse(*request);
    if (!parsed) return call->Fail(parsed.error()), call;
    auto* read = std::get_if<backup::ReadRequest>(&parsed->body);
    if (read == nullptr) return call->Fail({CallCode::kInvalidArgument, "the body is not a read"}), call;
    services_.node.Read([call, read = std::move(*read), this](node::ReadResult view) mutable {
      if (view.status != node::ReadStatus::kReady) return call->Fail(ErrorOfRead(view.status));
      AnswerRead(call, services_.metrics, std::move(view), read);
    });
    return call;
  }

 private:
  static std::expected<backup::ForwardRequest, CallError> Parse(const meta::RaftRequest& request) {
    if (auto decoded = CheckDecoded(request); !decoded) return std::unexpected(decoded.error());
    auto parsed = backup::ParseForwardRequest(request.data());
    if (!parsed) return std::unexpected(CallError{CallCode::kInvalidArgument, parsed.error().reason});
    return std::move(*parsed);
  }

  [[nodiscard]] std::optional<std::string> Refusal(const grpc::CallbackServerContext& context) const {
    if (!check_secret_) return std::nullopt;
    const auto secret = HeaderOf(context, kSecretHeader);
    return check_secret_(secret ? std::optional(std::string(*secret)) : std::nullopt, context.peer());
  }

  static void Serve(const UnaryCall& call, meta::RaftReply* reply, std::uint32_t, const backup::Ping&) {
    reply->set_data(backup::PongJson());
    call.Succeed(reply->ByteSizeLong());
  }

  void Serve(const UnaryCall& call, meta::RaftReply* reply, std::uint32_t, backup::ReadRequest& read) {
    services_.node.Read([this, call, reply, read = std::move(read)](node::ReadResult view) mutable {
      // A list may take a while: not on the loop.
      reads_.Add([call, reply, read = std::move(read), view = std::move(view)] { Answer(call, reply, view, read); });
    });
  }

  static void Answer(const UnaryCall& call, meta::RaftReply* reply, const node::ReadResult& view,
                     const backup::ReadRequest& read) {
    if (view.status != node::ReadStatus::kReady) {
      reply->set_error(backup::CanNotForwardJson({std::nullopt, ErrorOfRead(view.status).text}));
    } else if (auto text = std::visit(ReadAnswer(view), read)) {
      reply->set_data(std::move(*text));
    } else {
      reply->set_error(std::move(text.error()));
    }
    call.Succeed(reply->ByteSizeLong());
  }

  void Serve(const UnaryCall& call, meta::RaftReply* reply, std::uint32_t hops, const backup::Join& join) {
    Pass(call, reply, hops, ToNodeRequest(join), "join", [](const auto&) { return backup::JoinReplyJson(); });
  }

  void Serve(const UnaryCall& call, meta::RaftReply* reply, std::uint32_t hops, const backup::Leave& leave) {
    Pass(call, reply, hops, ToNodeRequest(leave), "leave", [](const auto&) { return backup::LeaveReplyJson(); });
  }

  void Serve(const UnaryCall& call, meta::RaftReply* reply, std::uint32_t hops, const pb::Command& command) {
    Pass(call, reply, hops, ToNodeRequest(command), "write",
         [branches = command.transaction().operations_size(),
          has_else = command.transaction().else_then_size() > 0](const pb::ForwardReply& done) {
           return backup::AppliedStateJson(ByBranch(done.applied(), static_cast<std::uint32_t>(branches), has_else));
         });
  }

  template <class Render>
  void Pass(const UnaryCall& call, meta::RaftReply* reply, std::uint32_t hops, pb::ForwardRequest request,
            const char* action, Render render) {
    request.set_hops(hops);
    services_.node.Forward(std::move(request), [call, reply, action, render](const pb::ForwardReply& done) {
      if (done.error() == pb::FORWARD_OK) {
        reply->set_data(render(done));
      } else {
        reply->set_error(ForwardErrorJson(done, action));
      }
      call.Succeed(reply->ByteSizeLong());
    });
  }

  ServiceContext services_;
  SecretCheck check_secret_;
  BackgroundThread reads_;
};

}  // namespace

std::string ForwardErrorJson(const pb::ForwardReply& reply, const std::string& action) {
  switch (reply.error()) {
    case pb::FORWARD_NO_LEADER: return backup::CanNotForwardJson({std::nullopt, "need to forward but no known leader"});
    case pb::FORWARD_TOO_MANY_HOPS: return backup::CanNotForwardJson({std::nullopt, "max number of forward reached"});
    case pb::FORWARD_IN_PROGRESS: return backup::MembershipInProgressJson(std::nullopt, std::nullopt);
    case pb::FORWARD_UNREACHABLE:
      return backup::ConnectionErrorJson("the leader can not be reached", {std::nullopt, reply.detail()});
    case pb::FORWARD_BUSY: return backup::ConnectionErrorJson("busy, try again", {std::nullopt, reply.detail()});
    case pb::FORWARD_REFUSED: return RefusalJson(action, reply.detail());
    default:
      return backup::ConnectionErrorJson("unknown outcome: the request may or may not take effect",
                                         {std::nullopt, reply.detail()});
  }
}

struct RaftApi::Impl {
  Impl(const ServiceContext& services, SecretCheck check_secret) : service(services, std::move(check_secret)) {}
  RaftServiceImpl service;
};

RaftApi::RaftApi(const ServiceContext& services, SecretCheck check_secret)
    : impl_(std::make_unique<Impl>(services, std::move(check_secret))) {}
RaftApi::~RaftApi() = default;

void RaftApi::Register(grpc::ServerBuilder& builder) { builder.RegisterService(&impl_->service); }

}  // namespace metasrv::server
