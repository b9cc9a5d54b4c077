#include "sm/txn_convert.h"

namespace metasrv::sm {
namespace {

void ConvertLeaf(const meta::TxnCondition& condition, meta::TxnCondition& leaf) {
  leaf = condition;
  if (!meta::TxnCondition::ConditionResult_IsValid(condition.expected())) leaf.set_expected(meta::TxnCondition::EQ);
  if (condition.target_case() == meta::TxnCondition::TARGET_NOT_SET) {
    // No seq is smaller than 0.
    leaf.set_seq(0);
    leaf.set_expected(meta::TxnCondition::LT);
  }
}

void ConvertExpression(const meta::BooleanExpression& expression, pb::Predicate& predicate) {
  // Without children both operators hold (kv-semantics.md §7.1), which only "all of nothing" says to every reader.
  const bool empty = expression.sub_expressions().empty() && expression.conditions().empty();
  const bool any = !empty && expression.operator_() == meta::BooleanExpression::OR;
  pb::PredicateList& list = any ? *predicate.mutable_any() : *predicate.mutable_all();
  for (const auto& child : expression.sub_expressions()) ConvertExpression(child, *list.add_children());
  for (const auto& child : expression.conditions()) ConvertLeaf(child, *list.add_children()->mutable_leaf());
}

}  // namespace

pb::KvTxn FromRequest(const meta::KvTransactionRequest& request) {
  pb::KvTxn txn;
  for (const meta::ConditionalOperation& branch : request.branches()) {
    pb::KvTxnBranch& converted = *txn.add_branches();
    // An absent predicate reads as one without children: all of nothing, which is true.
    ConvertExpression(branch.predicate(), *converted.mutable_predicate());
    *converted.mutable_operations() = branch.operations();
    for (meta::TxnOp& operation : *converted.mutable_operations()) {
      if (operation.request_case() == meta::TxnOp::REQUEST_NOT_SET) operation.mutable_get();
    }
  }
  return txn;
}

}  // namespace metasrv::sm
