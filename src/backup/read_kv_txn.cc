#include "backup/read_shapes.h"

namespace metasrv::backup {
namespace {

bool ReadOperand(Cursor c, meta::TxnCondition* out) {
  return c.Variant({With("Seq", U64([=](auto v) { out->set_seq(v); })),
                    With("Value", [=](Cursor bytes) { return bytes.Bytes(out->mutable_value()); }),
                    With("KeysWithPrefix", U64([=](auto v) { out->set_keys_with_prefix(v); }))});
}

Alternative Comparison(std::string_view name, meta::TxnCondition* out, meta::TxnCondition::ConditionResult value) {
  return Unit(name, [=](Cursor) {
    out->set_expected(value);
    return true;
  });
}

bool ReadComparison(Cursor c, meta::TxnCondition* out) {
  return c.Variant({Comparison("Eq", out, meta::TxnCondition::EQ), Comparison("Ne", out, meta::TxnCondition::NE),
                    Comparison("Lt", out, meta::TxnCondition::LT), Comparison("Le", out, meta::TxnCondition::LE),
                    Comparison("Gt", out, meta::TxnCondition::GT), Comparison("Ge", out, meta::TxnCondition::GE)});
}

bool ReadLeaf(Cursor c, meta::TxnCondition* out) {
  return c.Object({Required("key", String(out->mutable_key())), Required("target", As(ReadOperand, out)),
                   Required("op", As(ReadComparison, out))});
}

bool ReadPredicate(Cursor c, pb::Predicate* out);

bool ReadChildren(Cursor c, pb::PredicateList* out) {
  return c.Array([=](Cursor child) { return ReadPredicate(child, out->add_children()); });
}

bool ReadOnePredicate(Cursor c, pb::Predicate* out) {
  return c.Variant({With("And", [=](Cursor list) { return ReadChildren(list, out->mutable_all()); }),
                    With("Or", [=](Cursor list) { return ReadChildren(list, out->mutable_any()); }),
                    With("Leaf", [=](Cursor leaf) { return ReadLeaf(leaf, out->mutable_leaf()); })});
}

bool ReadPredicate(Cursor c, pb::Predicate* out) { return c.Predicate(As(ReadOnePredicate, out)); }

// `{"key":..,"match_seq":..}`, for each kind of request that has both.
template <class Request>
bool ReadLookup(Cursor c, Request* out) {
  return c.Object({Required("key", String(out->mutable_key())),
                   Optional("match_seq", U64([=](auto v) { out->set_match_seq(v); }))});
}

bool ReadPutPayload(Cursor c, meta::TxnPutRequest* out) {
  return c.Object({Required("value", Bytes(out->mutable_value())),
                   Optional("expire_at_ms", U64([=](auto v) { out->set_expire_at(v); })),
                   Optional("ttl_ms", U64([=](auto v) { out->set_ttl_ms(v); }))});
}

bool ReadSequentialPayload(Cursor c, meta::PutSequential* out) {
  return c.Object({Required("value", Bytes(out->mutable_value())),
                   Optional("expire_at_ms", U64([=](auto v) { out->set_expires_at_ms(v); })),
                   Optional("ttl_ms", U64([=](auto v) { out->set_ttl_ms(v); }))});
}

bool ReadGet(Cursor c, meta::TxnGetRequest* out) { return c.Object({Required("key", String(out->mutable_key()))}); }

bool ReadPut(Cursor c, meta::TxnPutRequest* out) {
  return c.Object(
      {Required("target", As(ReadLookup<meta::TxnPutRequest>, out)), Required("payload", As(ReadPutPayload, out))});
}

bool ReadDelete(Cursor c, meta::TxnDeleteRequest* out) {
  return c.Object({Required("target", As(ReadLookup<meta::TxnDeleteRequest>, out))});
}

bool ReadDeleteByPrefix(Cursor c, meta::TxnDeleteByPrefixRequest* out) {
  return c.Object({Required("prefix", String(out->mutable_prefix()))});
}

bool ReadFetchIncrease(Cursor c, meta::FetchIncreaseU64* out) {
  return c.Object({Required("target", As(ReadLookup<meta::FetchIncreaseU64>, out)),
                   Required("delta", I64([=](auto v) { out->set_delta(v); })),
                   Required("floor", U64([=](auto v) { out->set_max_value(v); }))});
}

bool ReadPutSequential(Cursor c, meta::PutSequential* out) {
  return c.Object({Required("prefix", String(out->mutable_prefix())),
                   Required("sequence_key", String(out->mutable_sequence_key())),
                   Required("payload", As(ReadSequentialPayload, out))});
}

bool ReadOp(Cursor c, meta::TxnOp* out) {
  return c.Variant({
      With("Get", [=](Cursor r) { return ReadGet(r, out->mutable_get()); }),
      With("Put", [=](Cursor r) { return ReadPut(r, out->mutable_put()); }),
      With("Delete", [=](Cursor r) { return ReadDelete(r, out->mutable_delete_()); }),
      With("DeleteByPrefix", [=](Cursor r) { return ReadDeleteByPrefix(r, out->mutable_delete_by_prefix()); }),
      With("FetchIncreaseU64", [=](Cursor r) { return ReadFetchIncrease(r, out->mutable_fetch_increase_u64()); }),
      With("PutSequential", [=](Cursor r) { return ReadPutSequential(r, out->mutable_put_sequential()); }),
  });
}

bool ReadBranch(Cursor c, pb::KvTxnBranch* out) {
  return c.Object({Required("predicate", As(ReadPredicate, out->mutable_predicate())),
                   Required("operations", Each([=](Cursor op) { return ReadOp(op, out->add_operations()); }))});
}

}  // namespace

bool ReadKvTxn(Cursor c, pb::KvTxn* out) {
  return c.Object({Required("branches", Each([=](Cursor branch) { return ReadBranch(branch, out->add_branches()); }))});
}

}  // namespace metasrv::backup
