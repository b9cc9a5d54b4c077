#include "backup/reply_json.h"
#include "backup/request_json.h"
#include "server/meta_service.h"
#include "sm/dedup.h"
#include "sm/txn_convert.h"

namespace metasrv::server {
namespace {

// How the client names its write; empty: not at all. A name that is not understood is refused, since its client counts
// on it.
std::expected<std::string, CallError> RequestIdOf(const grpc::CallbackServerContext& context) {
  const std::size_t headers = context.client_metadata().count(kRequestIdHeader);
  if (headers == 0) return std::string();
  const std::string_view id = *HeaderOf(context, kRequestIdHeader);
  if (headers == 1 && sm::IsRequestId(id)) return std::string(id);
  return std::unexpected(CallError{CallCode::kInvalidArgument,
                                   std::string(kRequestIdHeader) + " must be given at most once and have 1 to " +
                                       std::to_string(sm::kRequestIdBytesMax) +
                                       " visible ASCII characters; use a new one, such as a UUID, for each write"});
}

// The answer was that of a write of another kind.
CallError IdOfAnotherWrite() {
  return {CallCode::kInvalidArgument, std::string(kRequestIdHeader) +
                                          " named another kind of write before, so that nothing was written; use a new "
                                          "one for each write"};
}

}  // namespace

std::optional<CallError> MetaServiceImpl::TooLarge(const pb::Command& command) const {
  auto reason = WhyTooLarge(command, limits_);
  if (!reason) return std::nullopt;
  // Not retryable: it would fail the same way for ever.
  return CallError{CallCode::kInvalidArgument, std::move(*reason)};
}

grpc::ServerUnaryReactor* MetaServiceImpl::KvApi(Context* context, const meta::RaftRequest* request,
                                                 meta::RaftReply* reply) {
  const UnaryCall call(context, services_.metrics, CallKind::kWrite, request->ByteSizeLong());
  if (auto allowed = Admit(*context, *request); !allowed) return call.Fail(allowed.error()), call.reactor();
  auto request_id = RequestIdOf(*context);
  if (!request_id) return call.Fail(request_id.error()), call.reactor();
  auto upsert = backup::ParseKvApiRequest(request->data());
  // INTERNAL, unlike KvReadV1: clients depend on the difference (grpc-api.md §3.4).
  if (!upsert) return call.Fail({CallCode::kInternal, upsert.error().reason}), call.reactor();
  pb::Command command;
  command.set_request_id(std::move(*request_id));
  *command.mutable_upsert_kv() = std::move(*upsert);
  if (auto refusal = TooLarge(command)) return call.Fail(*refusal), call.reactor();
  services_.node.Write(std::move(command), [call, reply](const node::WriteResult& result) {
    if (result.status != node::WriteStatus::kApplied) return call.Fail(ErrorOfWrite(result, Routing::kForward));
    if (!result.reply.has_kv()) return call.Fail(IdOfAnotherWrite());
    reply->set_data(backup::UpsertReplyJson(result.reply.kv()));
    call.Succeed(reply->ByteSizeLong());
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* MetaServiceImpl::Transaction(Context* context, const meta::TxnRequest* request,
                                                       meta::TxnReply* reply) {
  const UnaryCall call(context, services_.metrics, CallKind::kWrite, request->ByteSizeLong());
  if (auto allowed = Admit(*context, *request); !allowed) return call.Fail(allowed.error()), call.reactor();
  auto request_id = RequestIdOf(*context);
  if (!request_id) return call.Fail(request_id.error()), call.reactor();
  pb::Command command;
  command.set_request_id(std::move(*request_id));
  *command.mutable_transaction() = *request;
  if (auto refusal = TooLarge(command)) return call.Fail(*refusal), call.reactor();
  services_.node.Write(std::move(command), [call, reply, &node = services_.node](node::WriteResult result) {
    if (result.status != node::WriteStatus::kApplied) return call.Fail(ErrorOfWrite(result, Routing::kForward));
    if (!result.reply.has_transaction()) return call.Fail(IdOfAnotherWrite());
    *reply = std::move(*result.reply.mutable_transaction());
    call.Succeed(reply->ByteSizeLong(), result.forwarded_to ? node.LeaderHint(*result.forwarded_to) : std::nullopt);
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* MetaServiceImpl::KvTransaction(Context* context, const meta::KvTransactionRequest* request,
                                                         meta::KvTransactionReply* reply) {
  const UnaryCall call(context, services_.metrics, CallKind::kWrite, request->ByteSizeLong());
  if (auto allowed = Admit(*context, *request); !allowed) return call.Fail(allowed.error()), call.reactor();
  auto request_id = RequestIdOf(*context);
  if (!request_id) return call.Fail(request_id.error()), call.reactor();
  pb::Command command;
  command.set_request_id(std::move(*request_id));
  *command.mutable_kv_transaction() = sm::FromRequest(*request);
  if (auto refusal = TooLarge(command)) return call.Fail(*refusal), call.reactor();
  services_.node.WriteHere(std::move(command), [call, reply, &node = services_.node](node::WriteResult result) {
    if (result.status != node::WriteStatus::kApplied) {
      return call.Fail(ErrorOfWrite(result, Routing::kRedirect), node.LeaderHint());
    }
    if (!result.reply.has_kv_transaction()) return call.Fail(IdOfAnotherWrite());
    *reply = std::move(*result.reply.mutable_kv_transaction());
    call.Succeed(reply->ByteSizeLong());
  });
  return call.reactor();
}

}  // namespace metasrv::server
