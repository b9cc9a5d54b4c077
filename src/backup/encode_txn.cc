#include "backup/encode.h"

namespace metasrv::backup {
namespace {

void WriteTarget(JsonWriter& w, const meta::TxnCondition& condition) {
  switch (condition.target_case()) {
    case meta::TxnCondition::kValue: WriteVariant(w, "Value", [&] { w.Bytes(condition.value()); }); break;
    case meta::TxnCondition::kSeq: WriteVariant(w, "Seq", [&] { w.U64(condition.seq()); }); break;
    case meta::TxnCondition::kKeysWithPrefix:
      WriteVariant(w, "KeysWithPrefix", [&] { w.U64(condition.keys_with_prefix()); });
      break;
    case meta::TxnCondition::TARGET_NOT_SET: w.Null(); break;
  }
}

void WriteCondition(JsonWriter& w, const meta::TxnCondition& condition) {
  w.BeginObject();
  w.Member("key", condition.key());
  w.Member("expected", static_cast<std::int32_t>(condition.expected()));
  w.Key("target");
  WriteTarget(w, condition);
  w.EndObject();
}

// Writes each element of `items` into an array with `write`.
void WriteEach(JsonWriter& w, std::string_view name, const auto& items, const auto& write) {
  w.Key(name);
  w.BeginArray();
  for (const auto& item : items) write(w, item);
  w.EndArray();
}

void WriteBoolExpr(JsonWriter& w, const meta::BooleanExpression& expression) {
  w.BeginObject();
  w.Member("operator", static_cast<std::int32_t>(expression.operator_()));
  WriteEach(w, "sub_expressions", expression.sub_expressions(), WriteBoolExpr);
  WriteEach(w, "conditions", expression.conditions(), WriteCondition);
  w.EndObject();
}

void WriteGet(JsonWriter& w, const meta::TxnGetRequest& get) {
  w.BeginObject();
  w.Member("key", get.key());
  w.EndObject();
}

void WritePut(JsonWriter& w, const meta::TxnPutRequest& put) {
  w.BeginObject();
  w.Member("key", put.key());
  w.Key("value");
  w.Bytes(put.value());
  w.Member("prev_value", put.has_prev_value() ? put.prev_value() : true);
  w.Member("expire_at", put.has_expire_at() ? std::optional(put.expire_at()) : std::nullopt);
  if (put.has_ttl_ms()) w.Member("ttl_ms", put.ttl_ms());
  w.Member("match_seq", put.has_match_seq() ? std::optional(put.match_seq()) : std::nullopt);
  w.EndObject();
}

void WriteDelete(JsonWriter& w, const meta::TxnDeleteRequest& request) {
  w.BeginObject();
  w.Member("key", request.key());
  w.Member("prev_value", request.has_prev_value() ? request.prev_value() : true);
  w.Member("match_seq", request.has_match_seq() ? std::optional(request.match_seq()) : std::nullopt);
  w.EndObject();
}

void WriteDeleteByPrefix(JsonWriter& w, const meta::TxnDeleteByPrefixRequest& request) {
  w.BeginObject();
  w.Member("prefix", request.prefix());
  w.EndObject();
}

void WriteFetchIncrease(JsonWriter& w, const meta::FetchIncreaseU64& request) {
  w.BeginObject();
  w.Member("key", request.key());
  w.Member("match_seq", request.has_match_seq() ? std::optional(request.match_seq()) : std::nullopt);
  w.Member("delta", request.delta());
  w.Member("max_value", request.max_value());
  w.EndObject();
}

void WritePutSequential(JsonWriter& w, const meta::PutSequential& request) {
  w.BeginObject();
  w.Member("prefix", request.prefix());
  w.Member("sequence_key", request.sequence_key());
  w.Key("value");
  w.Bytes(request.value());
  w.Member("expires_at_ms", request.has_expires_at_ms() ? std::optional(request.expires_at_ms()) : std::nullopt);
  w.Member("ttl_ms", request.has_ttl_ms() ? std::optional(request.ttl_ms()) : std::nullopt);
  w.EndObject();
}

void WriteRequest(JsonWriter& w, const meta::TxnOp& op) {
  switch (op.request_case()) {
    case meta::TxnOp::kGet: return WriteVariant(w, "Get", [&] { WriteGet(w, op.get()); });
    case meta::TxnOp::kPut: return WriteVariant(w, "Put", [&] { WritePut(w, op.put()); });
    case meta::TxnOp::kDelete: return WriteVariant(w, "Delete", [&] { WriteDelete(w, op.delete_()); });
    case meta::TxnOp::kDeleteByPrefix:
      return WriteVariant(w, "DeleteByPrefix", [&] { WriteDeleteByPrefix(w, op.delete_by_prefix()); });
    case meta::TxnOp::kFetchIncreaseU64:
      return WriteVariant(w, "FetchIncreaseU64", [&] { WriteFetchIncrease(w, op.fetch_increase_u64()); });
    case meta::TxnOp::kPutSequential:
      return WriteVariant(w, "PutSequential", [&] { WritePutSequential(w, op.put_sequential()); });
    case meta::TxnOp::REQUEST_NOT_SET: return w.Null();
  }
}

void WriteOp(JsonWriter& w, const meta::TxnOp& op) {
  WriteVariant(w, "request", [&] { WriteRequest(w, op); });
}

void WriteConditionalOperation(JsonWriter& w, const meta::ConditionalOperation& operation) {
  w.BeginObject();
  w.Key("predicate");
  operation.has_predicate() ? WriteBoolExpr(w, operation.predicate()) : w.Null();
  WriteEach(w, "operations", operation.operations(), WriteOp);
  w.EndObject();
}

}  // namespace

void WriteTxn(JsonWriter& w, const meta::TxnRequest& txn) {
  w.BeginObject();
  if (!txn.operations().empty()) WriteEach(w, "operations", txn.operations(), WriteConditionalOperation);
  WriteEach(w, "condition", txn.condition(), WriteCondition);
  WriteEach(w, "if_then", txn.if_then(), WriteOp);
  WriteEach(w, "else_then", txn.else_then(), WriteOp);
  w.EndObject();
}

}  // namespace metasrv::backup
