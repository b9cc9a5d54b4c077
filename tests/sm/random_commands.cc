#include "tests/sm/random_commands.h"

#include <ostream>

#include "sm/txn_convert.h"
#include "tests/sm/scanner.h"

namespace metasrv::pb {

void showValue(const Command& command, std::ostream& os) { os << command.ShortDebugString(); }

}  // namespace metasrv::pb

namespace metasrv::testing {
namespace {

namespace gen = rc::gen;

// In [low, high]; shrinks towards `low`.
int Draw(int low, int high) { return *gen::inRange(low, high + 1); }
bool Flip() { return Draw(0, 1) == 1; }
bool OneIn(int count) { return Draw(0, count - 1) == count - 1; }

std::string Key() { return *AnyKey(); }
std::uint64_t SmallSeq() { return static_cast<std::uint64_t>(Draw(0, 12)); }

std::string Value() {
  return *gen::element<std::string>("", "v", "v2", "v10", "7", " 41\t", "007", "-3", "7.0", "18446744073709551615",
                                    "18446744073709551614", "18446744073709551616", "99999999999999999999");
}

// Around the times that AnyTime draws, in milliseconds or in seconds, and the values where the unit changes.
std::uint64_t ExpireAt() {
  switch (Draw(0, 3)) {
    case 0: return kT0 + static_cast<std::uint64_t>(Draw(-40, 120));
    case 1: return kT0 / 1000 + static_cast<std::uint64_t>(Draw(-1, 1));
    case 2: return *gen::element<std::uint64_t>(0, 1, 100'000'000'000, 100'000'000'001, UINT64_MAX);
    default: return kT0;
  }
}

std::uint64_t Ttl() { return OneIn(10) ? UINT64_MAX : static_cast<std::uint64_t>(Draw(0, 60)); }

meta::TxnCondition Condition() {
  meta::TxnCondition condition;
  condition.set_expected(static_cast<meta::TxnCondition::ConditionResult>(Draw(0, 6)));
  switch (Draw(0, 3)) {
    case 0:
      condition.set_key(Key());
      condition.set_seq(SmallSeq());
      break;
    case 1:
      condition.set_key(Key());
      condition.set_value(Value());
      break;
    case 2:
      condition.set_key(*AnyPrefix());
      condition.set_keys_with_prefix(OneIn(8) ? UINT64_MAX : static_cast<std::uint64_t>(Draw(0, 5)));
      break;
    default: condition.set_key(Key()); break;  // no target
  }
  return condition;
}

meta::BooleanExpression Expression(int levels) {
  meta::BooleanExpression expression;
  expression.set_operator_(static_cast<meta::BooleanExpression::CombiningOperator>(Draw(0, 2)));
  for (int i = levels == 0 ? 0 : Draw(0, 2); i > 0; --i) *expression.add_sub_expressions() = Expression(levels - 1);
  for (int i = Draw(0, 2); i > 0; --i) *expression.add_conditions() = Condition();
  return expression;
}

void Put(meta::TxnPutRequest& put) {
  put.set_key(Key());
  put.set_value(Value());
  if (Flip()) put.set_expire_at(ExpireAt());
  if (OneIn(3)) put.set_ttl_ms(Ttl());
  if (OneIn(3)) put.set_match_seq(SmallSeq());
}

void FetchIncrease(meta::FetchIncreaseU64& increase) {
  increase.set_key(Key());
  increase.set_delta(*gen::element<std::int64_t>(0, 1, -1, 5, -100, INT64_MAX, INT64_MIN));
  if (OneIn(3)) increase.set_match_seq(SmallSeq());
  if (OneIn(3)) increase.set_max_value(*gen::element<std::uint64_t>(0, 50, UINT64_MAX));
}

void PutSequential(meta::PutSequential& put) {
  put.set_prefix(*AnyPrefix());
  put.set_sequence_key(Key());
  put.set_value(Value());
  if (OneIn(3)) put.set_expires_at_ms(ExpireAt());
  if (OneIn(3)) put.set_ttl_ms(Ttl());
}

meta::TxnOp Operation() {
  meta::TxnOp op;
  switch (Draw(0, 8)) {
    case 0: op.mutable_get()->set_key(Key()); break;
    case 1:
      op.mutable_delete_()->set_key(Key());
      if (Flip()) op.mutable_delete_()->set_match_seq(SmallSeq());
      break;
    case 2: op.mutable_delete_by_prefix()->set_prefix(*AnyPrefix()); break;
    case 3: FetchIncrease(*op.mutable_fetch_increase_u64()); break;
    case 4: PutSequential(*op.mutable_put_sequential()); break;
    case 5: break;  // no request
    default: Put(*op.mutable_put()); break;
  }
  return op;
}

void Operations(google::protobuf::RepeatedPtrField<meta::TxnOp>& operations) {
  for (int i = Draw(0, 4); i > 0; --i) *operations.Add() = Operation();
}

void Branches(google::protobuf::RepeatedPtrField<meta::ConditionalOperation>& branches) {
  for (int i = Draw(0, 3); i > 0; --i) {
    meta::ConditionalOperation& branch = *branches.Add();
    if (!OneIn(6)) *branch.mutable_predicate() = Expression(3);
    Operations(*branch.mutable_operations());
  }
}

void Transaction(meta::TxnRequest& request) {
  if (Flip()) Branches(*request.mutable_operations());
  for (int i = Draw(0, 2); i > 0; --i) *request.add_condition() = Condition();
  Operations(*request.mutable_if_then());
  Operations(*request.mutable_else_then());
}

void Upsert(pb::UpsertKv& upsert) {
  upsert.set_key(Key());
  switch (Draw(0, 2)) {
    case 0: upsert.mutable_seq()->mutable_any(); break;
    case 1: upsert.mutable_seq()->set_exact(SmallSeq()); break;
    default: upsert.mutable_seq()->set_ge(SmallSeq()); break;
  }
  switch (Draw(0, 3)) {
    case 0: upsert.mutable_value()->mutable_delete_(); break;
    case 1: upsert.mutable_value()->mutable_as_is(); break;
    default: upsert.mutable_value()->set_update(Value()); break;
  }
  if (OneIn(3)) return;
  pb::MetaSpec& spec = *upsert.mutable_value_meta();
  if (Flip()) spec.set_expire_at(ExpireAt());
  if (Flip()) spec.set_ttl_ms(Ttl());
}

meta::KvTransactionRequest KvTransaction() {
  meta::KvTransactionRequest request;
  Branches(*request.mutable_branches());
  return request;
}

void ClusterCommand(pb::Command& command) {
  const auto id = static_cast<std::uint64_t>(Draw(0, 2));
  switch (Draw(0, 2)) {
    case 0:
      command.mutable_add_node()->set_node_id(id);
      command.mutable_add_node()->mutable_node()->set_name(Value());
      command.mutable_add_node()->set_overriding(Flip());
      break;
    case 1: command.mutable_remove_node()->set_node_id(id); break;
    default:
      command.mutable_set_feature()->set_feature(Value());
      command.mutable_set_feature()->set_enable(Flip());
      break;
  }
}

}  // namespace

rc::Gen<std::string> AnyKey() {
  return gen::element<std::string>("a", "b", "", "a/", "a/1", "a/2", "a/2/x", "b/1", "é", "n");
}

rc::Gen<std::string> AnyPrefix() {
  return gen::element<std::string>("", "a", "a/", "a/2", "b/", "é", "zz", "\xed\x9f\xbf");
}

rc::Gen<std::uint64_t> AnyTime() {
  return gen::map(gen::inRange(0, 200), [](int step) { return kT0 + static_cast<std::uint64_t>(step) - 50; });
}

rc::Gen<meta::KvTransactionRequest> AnyKvTransaction() {
  return gen::exec([] { return KvTransaction(); });
}

rc::Gen<pb::Command> AnyCommand() {
  return gen::exec([] {
    pb::Command command;
    if (!OneIn(12)) command.set_time_ms(*AnyTime());
    switch (Draw(0, 7)) {
      case 0:
      case 1:
      case 2: Upsert(*command.mutable_upsert_kv()); break;
      case 3:
      case 4: Transaction(*command.mutable_transaction()); break;
      case 5:
      case 6: *command.mutable_kv_transaction() = sm::FromRequest(KvTransaction()); break;
      default: ClusterCommand(command); break;
    }
    return command;
  });
}

}  // namespace metasrv::testing
