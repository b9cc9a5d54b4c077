// The transactions that clients ask for (kv-semantics.md §6-§8).
#include "sim/command_maker.h"
#include "sim/tokens.h"

namespace metasrv::sim {
namespace {

constexpr int kDepthMax = 3;

}  // namespace

void CommandMaker::FillCondition(Prng& prng, meta::TxnCondition& condition) const {
  constexpr std::array kComparisons = {meta::TxnCondition::EQ, meta::TxnCondition::GT, meta::TxnCondition::GE,
                                       meta::TxnCondition::LT, meta::TxnCondition::LE, meta::TxnCondition::NE};
  condition.set_key(AnyKey(prng));
  condition.set_expected(kComparisons[prng.Below(kComparisons.size())]);
  switch (prng.Below(10)) {
    case 0: condition.set_value(TokenValue(prng.Below(200))); break;
    case 1:
    case 2: condition.set_value(SeenOf(condition.key()).data); break;
    case 3:
      condition.set_key(Prefix(prng));
      condition.set_keys_with_prefix(prng.Below(options_.keys + 1));
      break;
    case 4: break;  // without a target it never holds
    default: condition.set_seq(SeenOf(condition.key()).seq); break;
  }
}

void CommandMaker::FillExpression(Prng& prng, int depth, meta::BooleanExpression& expression) const {
  expression.set_operator_(prng.Below(2) == 0 ? meta::BooleanExpression::OR : meta::BooleanExpression::AND);
  for (std::uint64_t count = prng.Below(3); count > 0; --count) FillCondition(prng, *expression.add_conditions());
  if (depth == 0) return;
  for (std::uint64_t count = prng.Below(3); count > 0; --count) {
    FillExpression(prng, depth - 1, *expression.add_sub_expressions());
  }
}

void CommandMaker::FillPredicate(Prng& prng, int depth, pb::Predicate& predicate) const {
  if (depth == 0 || prng.Below(3) == 0) return FillCondition(prng, *predicate.mutable_leaf());
  pb::PredicateList& list = prng.Below(2) == 0 ? *predicate.mutable_any() : *predicate.mutable_all();
  for (std::uint64_t count = prng.Below(4); count > 0; --count) FillPredicate(prng, depth - 1, *list.add_children());
}

std::string CommandMaker::Prefix(Prng& prng) const {
  switch (prng.Below(4)) {
    case 0: return std::string(kSequences);
    case 1: return std::string(kKeys);
    default: return Key(prng);
  }
}

void CommandMaker::FillPut(const Draft& draft, meta::TxnPutRequest& put) const {
  Prng& prng = draft.prng;
  put.set_key(Key(prng));
  put.set_value(TokenValue(draft.token));
  if (prng.Below(4) == 0) put.set_match_seq(SeenOf(put.key()).seq);
  if (prng.Below(4) != 0) return;
  const Expiry expiry = DrawExpiry(draft);
  if (expiry.at) put.set_expire_at(*expiry.at);
  if (expiry.ttl_ms) put.set_ttl_ms(*expiry.ttl_ms);
}

void CommandMaker::FillDelete(Prng& prng, meta::TxnDeleteRequest& request) const {
  request.set_key(AnyKey(prng));
  if (prng.Below(2) == 0) request.set_match_seq(SeenOf(request.key()).seq);
}

void CommandMaker::FillCounter(Prng& prng, meta::FetchIncreaseU64& increase) const {
  increase.set_key(AnyKey(prng));  // a value that is no number counts as 0
  increase.set_delta(static_cast<std::int64_t>(prng.Below(7)) - 2);
  if (prng.Below(4) == 0) increase.set_max_value(prng.Below(50));
  if (prng.Below(4) == 0) increase.set_match_seq(SeenOf(increase.key()).seq);
}

void CommandMaker::FillSequential(const Draft& draft, meta::PutSequential& put) {
  Prng& prng = draft.prng;
  put.set_prefix(std::string(kSequences));
  put.set_sequence_key(std::string(kCounters) + (prng.Below(4) == 0 ? "r" : "q"));
  put.set_value(TokenValue(draft.token));
  if (prng.Below(2) == 0) return;
  const Expiry expiry = DrawExpiry(draft);
  if (expiry.at) put.set_expires_at_ms(*expiry.at);
  if (expiry.ttl_ms) put.set_ttl_ms(*expiry.ttl_ms);
}

void CommandMaker::FillOperation(const Draft& draft, meta::TxnOp& operation) const {
  Prng& prng = draft.prng;
  switch (prng.Below(12)) {
    case 0:
    case 1: operation.mutable_get()->set_key(AnyKey(prng)); break;
    case 2:
    case 3: FillDelete(prng, *operation.mutable_delete_()); break;
    case 4: FillCounter(prng, *operation.mutable_fetch_increase_u64()); break;
    case 5: FillSequential(draft, *operation.mutable_put_sequential()); break;
    case 6: operation.mutable_delete_by_prefix()->set_prefix(Prefix(prng)); break;
    default: FillPut(draft, *operation.mutable_put()); break;
  }
}

void CommandMaker::FillTransaction(const Draft& draft, meta::TxnRequest& txn) const {
  Prng& prng = draft.prng;
  SetToken(draft.token, *txn.add_if_then());
  for (std::uint64_t count = prng.Below(3); count > 0; --count) FillCondition(prng, *txn.add_condition());
  for (std::uint64_t count = prng.Below(4); count > 0; --count) FillOperation(draft, *txn.add_if_then());
  for (std::uint64_t count = prng.Below(3); count > 0; --count) FillOperation(draft, *txn.add_else_then());
  if (prng.Below(3) != 0) return;
  for (std::uint64_t count = prng.Between(1, 3); count > 0; --count) {
    meta::ConditionalOperation& branch = *txn.add_operations();
    if (prng.Below(8) != 0) FillExpression(prng, kDepthMax, *branch.mutable_predicate());
    for (std::uint64_t each = prng.Below(3); each > 0; --each) FillOperation(draft, *branch.add_operations());
  }
}

void CommandMaker::FillKvTransaction(const Draft& draft, pb::KvTxn& txn) const {
  Prng& prng = draft.prng;
  for (std::uint64_t count = prng.Between(1, 4); count > 0; --count) {
    pb::KvTxnBranch& branch = *txn.add_branches();
    FillPredicate(prng, kDepthMax, *branch.mutable_predicate());
    SetToken(draft.token, *branch.add_operations());
    for (std::uint64_t each = prng.Below(3); each > 0; --each) FillOperation(draft, *branch.add_operations());
  }
}

void CommandMaker::FillSpecial(const Draft& draft, Kind kind, meta::TxnRequest& txn) const {
  SetToken(draft.token, *txn.add_if_then());
  meta::TxnOp& operation = *txn.add_if_then();
  if (kind == Kind::kCounter) {
    FillCounter(draft.prng, *operation.mutable_fetch_increase_u64());
    operation.mutable_fetch_increase_u64()->set_key(Counter(draft.prng));
  } else if (kind == Kind::kSequential) {
    FillSequential(draft, *operation.mutable_put_sequential());
  } else {
    operation.mutable_delete_by_prefix()->set_prefix(Prefix(draft.prng));
  }
}

}  // namespace metasrv::sim
