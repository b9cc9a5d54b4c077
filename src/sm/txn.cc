#include "sm/txn.h"

#include <string>

#include "sm/operations.h"
#include "sm/predicate.h"

namespace metasrv::sm {
namespace {

using Operations = google::protobuf::RepeatedPtrField<meta::TxnOp>;
using Responses = google::protobuf::RepeatedPtrField<meta::TxnOpResponse>;

void RunAll(const EntryContext& entry, const Operations& operations, Responses& responses) {
  responses.Reserve(operations.size());
  for (const meta::TxnOp& operation : operations) RunOperation(entry, operation, *responses.Add());
}

bool AllHold(Overlay& state, const google::protobuf::RepeatedPtrField<meta::TxnCondition>& conditions) {
  for (const meta::TxnCondition& condition : conditions) {
    if (!Holds(state, condition)) return false;
  }
  return true;
}

}  // namespace

void RunTransaction(const EntryContext& entry, const meta::TxnRequest& request, meta::TxnReply& reply) {
  for (int i = 0; i < request.operations_size(); ++i) {
    const meta::ConditionalOperation& branch = request.operations(i);
    if (branch.has_predicate() && !Holds(entry.state, branch.predicate())) continue;
    reply.set_success(true);
    reply.set_execution_path("operation:" + std::to_string(i));
    return RunAll(entry, branch.operations(), *reply.mutable_responses());
  }
  const bool then = AllHold(entry.state, request.condition());
  reply.set_success(then);
  reply.set_execution_path(then ? "then" : "else");
  RunAll(entry, then ? request.if_then() : request.else_then(), *reply.mutable_responses());
}

void RunKvTransaction(const EntryContext& entry, const pb::KvTxn& request, meta::KvTransactionReply& reply) {
  for (int i = 0; i < request.branches_size(); ++i) {
    const pb::KvTxnBranch& branch = request.branches(i);
    if (!Holds(entry.state, branch.predicate())) continue;
    reply.set_executed_branch(static_cast<std::uint32_t>(i));
    return RunAll(entry, branch.operations(), *reply.mutable_responses());
  }
}

}  // namespace metasrv::sm
