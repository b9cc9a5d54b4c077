#include "backup/encode.h"

namespace metasrv::backup {
namespace {

std::string_view ComparisonName(meta::TxnCondition::ConditionResult expected) {
  switch (expected) {
    case meta::TxnCondition::GT: return "Gt";
    case meta::TxnCondition::GE: return "Ge";
    case meta::TxnCondition::LT: return "Lt";
    case meta::TxnCondition::LE: return "Le";
    case meta::TxnCondition::NE: return "Ne";
    default: return "Eq";
  }
}

void WriteOperand(JsonWriter& w, const meta::TxnCondition& leaf) {
  switch (leaf.target_case()) {
    case meta::TxnCondition::kValue: WriteVariant(w, "Value", [&] { w.Bytes(leaf.value()); }); break;
    case meta::TxnCondition::kKeysWithPrefix:
      WriteVariant(w, "KeysWithPrefix", [&] { w.U64(leaf.keys_with_prefix()); });
      break;
    default: WriteVariant(w, "Seq", [&] { w.U64(leaf.seq()); }); break;
  }
}

void WriteLeaf(JsonWriter& w, const meta::TxnCondition& leaf) {
  w.BeginObject();
  w.Member("key", leaf.key());
  w.Key("target");
  WriteOperand(w, leaf);
  // A leaf without a target never holds; the format says that as: no seq is smaller than 0.
  const bool never = leaf.target_case() == meta::TxnCondition::TARGET_NOT_SET;
  w.Member("op", ComparisonName(never ? meta::TxnCondition::LT : leaf.expected()));
  w.EndObject();
}

void WritePredicate(JsonWriter& w, const pb::Predicate& predicate);

void WriteChildren(JsonWriter& w, const pb::PredicateList& list) {
  w.BeginArray();
  for (const pb::Predicate& child : list.children()) WritePredicate(w, child);
  w.EndArray();
}

void WritePredicate(JsonWriter& w, const pb::Predicate& predicate) {
  switch (predicate.node_case()) {
    case pb::Predicate::kLeaf: WriteVariant(w, "Leaf", [&] { WriteLeaf(w, predicate.leaf()); }); break;
    case pb::Predicate::kAny: WriteVariant(w, "Or", [&] { WriteChildren(w, predicate.any()); }); break;
    // An unset predicate is the unconditional one: all of nothing.
    default: WriteVariant(w, "And", [&] { WriteChildren(w, predicate.all()); }); break;
  }
}

void WriteLookup(JsonWriter& w, const auto& request) {
  w.Key("target");
  w.BeginObject();
  w.Member("key", request.key());
  w.Member("match_seq", request.has_match_seq() ? std::optional(request.match_seq()) : std::nullopt);
  w.EndObject();
}

void WritePayload(JsonWriter& w, const std::string& value, std::optional<std::uint64_t> expire_at,
                  std::optional<std::uint64_t> ttl_ms) {
  w.Key("payload");
  w.BeginObject();
  w.Key("value");
  w.Bytes(value);
  w.Member("expire_at_ms", expire_at);
  w.Member("ttl_ms", ttl_ms);
  w.EndObject();
}

void WritePut(JsonWriter& w, const meta::TxnPutRequest& put) {
  w.BeginObject();
  WriteLookup(w, put);
  WritePayload(w, put.value(), put.has_expire_at() ? std::optional(put.expire_at()) : std::nullopt,
               put.has_ttl_ms() ? std::optional(put.ttl_ms()) : std::nullopt);
  w.EndObject();
}

void WriteFetchIncrease(JsonWriter& w, const meta::FetchIncreaseU64& request) {
  w.BeginObject();
  WriteLookup(w, request);
  w.Member("delta", request.delta());
  w.Member("floor", request.max_value());
  w.EndObject();
}

void WritePutSequential(JsonWriter& w, const meta::PutSequential& request) {
  w.BeginObject();
  w.Member("prefix", request.prefix());
  w.Member("sequence_key", request.sequence_key());
  WritePayload(w, request.value(), request.has_expires_at_ms() ? std::optional(request.expires_at_ms()) : std::nullopt,
               request.has_ttl_ms() ? std::optional(request.ttl_ms()) : std::nullopt);
  w.EndObject();
}

// `{"<name>":"<text>"}`
void WriteSingle(JsonWriter& w, std::string_view name, const std::string& text) {
  w.BeginObject();
  w.Member(name, text);
  w.EndObject();
}

void WriteOp(JsonWriter& w, const meta::TxnOp& op) {
  switch (op.request_case()) {
    case meta::TxnOp::kPut: return WriteVariant(w, "Put", [&] { WritePut(w, op.put()); });
    case meta::TxnOp::kDelete:
      return WriteVariant(w, "Delete", [&] {
        w.BeginObject();
        WriteLookup(w, op.delete_());
        w.EndObject();
      });
    case meta::TxnOp::kDeleteByPrefix:
      return WriteVariant(w, "DeleteByPrefix", [&] { WriteSingle(w, "prefix", op.delete_by_prefix().prefix()); });
    case meta::TxnOp::kFetchIncreaseU64:
      return WriteVariant(w, "FetchIncreaseU64", [&] { WriteFetchIncrease(w, op.fetch_increase_u64()); });
    case meta::TxnOp::kPutSequential:
      return WriteVariant(w, "PutSequential", [&] { WritePutSequential(w, op.put_sequential()); });
    // An operation without a request is executed as a read of the empty key (kv-semantics.md, case 97).
    default: return WriteVariant(w, "Get", [&] { WriteSingle(w, "key", op.get().key()); });
  }
}

void WriteBranch(JsonWriter& w, const pb::KvTxnBranch& branch) {
  w.BeginObject();
  w.Key("predicate");
  WritePredicate(w, branch.predicate());
  w.Key("operations");
  w.BeginArray();
  for (const meta::TxnOp& op : branch.operations()) WriteOp(w, op);
  w.EndArray();
  w.EndObject();
}

}  // namespace

void WriteKvTxn(JsonWriter& w, const pb::KvTxn& txn) {
  w.BeginObject();
  w.Key("branches");
  w.BeginArray();
  for (const pb::KvTxnBranch& branch : txn.branches()) WriteBranch(w, branch);
  w.EndArray();
  w.EndObject();
}

}  // namespace metasrv::backup
