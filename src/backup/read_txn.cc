#include <limits>

#include "backup/read_shapes.h"

namespace metasrv::backup {
namespace {

// An enum that is written as its number; numbers without a name are kept.
template <class Set>
auto I32(Set set) {
  return [set](Cursor c) {
    std::int64_t value = 0;
    if (!c.I64(&value)) return false;
    if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max()) {
      return c.Fail("number out of range: expected a 32-bit integer");
    }
    set(static_cast<std::int32_t>(value));
    return true;
  };
}

bool ReadTarget(Cursor c, meta::TxnCondition* out) {
  return c.Variant({With("Value", [=](Cursor bytes) { return bytes.Bytes(out->mutable_value()); }),
                    With("Seq", U64([=](auto v) { out->set_seq(v); })),
                    With("KeysWithPrefix", U64([=](auto v) { out->set_keys_with_prefix(v); }))});
}

bool ReadCondition(Cursor c, meta::TxnCondition* out) {
  auto expected = [=](std::int32_t v) { out->set_expected(static_cast<meta::TxnCondition::ConditionResult>(v)); };
  return c.Object({Required("key", String(out->mutable_key())), Required("expected", I32(expected)),
                   Optional("target", As(ReadTarget, out))});
}

bool ReadBoolExpr(Cursor c, meta::BooleanExpression* out);

bool ReadOneBoolExpr(Cursor c, meta::BooleanExpression* out) {
  auto op = [=](std::int32_t v) { out->set_operator_(static_cast<meta::BooleanExpression::CombiningOperator>(v)); };
  return c.Object(
      {Required("operator", I32(op)),
       Required("sub_expressions", Each([=](Cursor e) { return ReadBoolExpr(e, out->add_sub_expressions()); })),
       Required("conditions", Each([=](Cursor e) { return ReadCondition(e, out->add_conditions()); }))});
}

bool ReadBoolExpr(Cursor c, meta::BooleanExpression* out) { return c.Predicate(As(ReadOneBoolExpr, out)); }

bool ReadGet(Cursor c, meta::TxnGetRequest* out) { return c.Object({Required("key", String(out->mutable_key()))}); }

bool ReadPut(Cursor c, meta::TxnPutRequest* out) {
  return c.Object({Required("key", String(out->mutable_key())), Required("value", Bytes(out->mutable_value())),
                   Optional("prev_value", Bool([=](bool v) { out->set_prev_value(v); })),
                   Optional("expire_at", U64([=](auto v) { out->set_expire_at(v); })),
                   Optional("ttl_ms", U64([=](auto v) { out->set_ttl_ms(v); })),
                   Optional("match_seq", U64([=](auto v) { out->set_match_seq(v); }))});
}

bool ReadDelete(Cursor c, meta::TxnDeleteRequest* out) {
  return c.Object({Required("key", String(out->mutable_key())),
                   Optional("prev_value", Bool([=](bool v) { out->set_prev_value(v); })),
                   Optional("match_seq", U64([=](auto v) { out->set_match_seq(v); }))});
}

bool ReadDeleteByPrefix(Cursor c, meta::TxnDeleteByPrefixRequest* out) {
  return c.Object({Required("prefix", String(out->mutable_prefix()))});
}

bool ReadFetchIncrease(Cursor c, meta::FetchIncreaseU64* out) {
  return c.Object({Required("key", String(out->mutable_key())),
                   Optional("match_seq", U64([=](auto v) { out->set_match_seq(v); })),
                   Required("delta", I64([=](auto v) { out->set_delta(v); })),
                   Required("max_value", U64([=](auto v) { out->set_max_value(v); }))});
}

bool ReadPutSequential(Cursor c, meta::PutSequential* out) {
  return c.Object({Required("prefix", String(out->mutable_prefix())),
                   Required("sequence_key", String(out->mutable_sequence_key())),
                   Required("value", Bytes(out->mutable_value())),
                   Optional("expires_at_ms", U64([=](auto v) { out->set_expires_at_ms(v); })),
                   Optional("ttl_ms", U64([=](auto v) { out->set_ttl_ms(v); }))});
}

bool ReadRequest(Cursor c, meta::TxnOp* out) {
  return c.Variant({
      With("Get", [=](Cursor r) { return ReadGet(r, out->mutable_get()); }),
      With("Put", [=](Cursor r) { return ReadPut(r, out->mutable_put()); }),
      With("Delete", [=](Cursor r) { return ReadDelete(r, out->mutable_delete_()); }),
      With("DeleteByPrefix", [=](Cursor r) { return ReadDeleteByPrefix(r, out->mutable_delete_by_prefix()); }),
      With("FetchIncreaseU64", [=](Cursor r) { return ReadFetchIncrease(r, out->mutable_fetch_increase_u64()); }),
      With("PutSequential", [=](Cursor r) { return ReadPutSequential(r, out->mutable_put_sequential()); }),
  });
}

bool ReadOp(Cursor c, meta::TxnOp* out) { return c.Object({Optional("request", As(ReadRequest, out))}); }

bool ReadConditionalOperation(Cursor c, meta::ConditionalOperation* out) {
  return c.Object({Optional("predicate", [=](Cursor e) { return ReadBoolExpr(e, out->mutable_predicate()); }),
                   Required("operations", Each([=](Cursor op) { return ReadOp(op, out->add_operations()); }))});
}

}  // namespace

bool ReadTxn(Cursor c, meta::TxnRequest* out) {
  return c.Object(
      {Optional("operations", Each([=](Cursor e) { return ReadConditionalOperation(e, out->add_operations()); })),
       Required("condition", Each([=](Cursor e) { return ReadCondition(e, out->add_condition()); })),
       Required("if_then", Each([=](Cursor e) { return ReadOp(e, out->add_if_then()); })),
       Required("else_then", Each([=](Cursor e) { return ReadOp(e, out->add_else_then()); }))});
}

}  // namespace metasrv::backup
