#include "backup/reply_json.h"
#include "backup/request_json.h"
#include "server/meta_service.h"

namespace metasrv::server {
namespace {

pb::Predicate Everything() {
  pb::Predicate predicate;
  predicate.mutable_all();
  return predicate;
}

pb::KvTxn ToKvTxn(const meta::KvTransactionRequest& request) {
  pb::KvTxn txn;
  for (const meta::ConditionalOperation& branch : request.branches()) {
    pb::KvTxnBranch& out = *txn.add_branches();
    *out.mutable_predicate() = branch.has_predicate() ? ToPredicate(branch.predicate()) : Everything();
    *out.mutable_operations() = branch.operations();
  }
  return txn;
}

}  // namespace

pb::Predicate ToPredicate(const meta::BooleanExpression& expression) {
  // Without children both operators hold, which only "all of nothing" says.
  if (expression.sub_expressions().empty() && expression.conditions().empty()) return Everything();
  pb::Predicate predicate;
  pb::PredicateList& list =
      expression.operator_() == meta::BooleanExpression::OR ? *predicate.mutable_any() : *predicate.mutable_all();
  for (const auto& child : expression.sub_expressions()) *list.add_children() = ToPredicate(child);
  for (const auto& condition : expression.conditions()) *list.add_children()->mutable_leaf() = condition;
  return predicate;
}

grpc::ServerUnaryReactor* MetaServiceImpl::KvApi(Context* context, const meta::RaftRequest* request,
                                                 meta::RaftReply* reply) {
  const UnaryCall call(context, services_.metrics, CallKind::kWrite, request->ByteSizeLong());
  if (auto allowed = CheckToken(*context); !allowed) return call.Fail(allowed.error()), call.reactor();
  auto upsert = backup::ParseKvApiRequest(request->data());
  // INTERNAL, unlike KvReadV1: clients depend on the difference (grpc-api.md §3.4).
  if (!upsert) return call.Fail({CallCode::kInternal, upsert.error().reason}), call.reactor();
  pb::Command command;
  *command.mutable_upsert_kv() = std::move(*upsert);
  services_.node.Write(std::move(command), [call, reply](const node::WriteResult& result) {
    if (result.status != node::WriteStatus::kApplied) return call.Fail(ErrorOfWrite(result, Routing::kForward));
    reply->set_data(backup::UpsertReplyJson(result.reply.kv()));
    call.Succeed(reply->ByteSizeLong());
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* MetaServiceImpl::Transaction(Context* context, const meta::TxnRequest* request,
                                                       meta::TxnReply* reply) {
  const UnaryCall call(context, services_.metrics, CallKind::kWrite, request->ByteSizeLong());
  if (auto allowed = CheckToken(*context); !allowed) return call.Fail(allowed.error()), call.reactor();
  pb::Command command;
  *command.mutable_transaction() = *request;
  services_.node.Write(std::move(command), [call, reply, &node = services_.node](node::WriteResult result) {
    if (result.status != node::WriteStatus::kApplied) return call.Fail(ErrorOfWrite(result, Routing::kForward));
    *reply = std::move(*result.reply.mutable_transaction());
    call.Succeed(reply->ByteSizeLong(), result.forwarded_to ? node.LeaderHint(*result.forwarded_to) : std::nullopt);
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* MetaServiceImpl::KvTransaction(Context* context, const meta::KvTransactionRequest* request,
                                                         meta::KvTransactionReply* reply) {
  const UnaryCall call(context, services_.metrics, CallKind::kWrite, request->ByteSizeLong());
  if (auto allowed = CheckToken(*context); !allowed) return call.Fail(allowed.error()), call.reactor();
  pb::Command command;
  *command.mutable_kv_transaction() = ToKvTxn(*request);
  services_.node.WriteHere(std::move(command), [call, reply, &node = services_.node](node::WriteResult result) {
    if (result.status != node::WriteStatus::kApplied) {
      return call.Fail(ErrorOfWrite(result, Routing::kRedirect), node.LeaderHint());
    }
    *reply = std::move(*result.reply.mutable_kv_transaction());
    call.Succeed(reply->ByteSizeLong());
  });
  return call.reactor();
}

}  // namespace metasrv::server
