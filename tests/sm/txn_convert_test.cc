#include "sm/txn_convert.h"

#include <gtest/gtest.h>

namespace metasrv::testing {
namespace {

pb::Predicate Convert(const meta::BooleanExpression& expression) {
  meta::KvTransactionRequest request;
  *request.add_branches()->mutable_predicate() = expression;
  return sm::FromRequest(request).branches(0).predicate();
}

TEST(FromRequest, AnAbsentPredicateIsAllOfNothing) {
  meta::KvTransactionRequest request;
  request.add_branches();
  const pb::KvTxn txn = sm::FromRequest(request);
  ASSERT_TRUE(txn.branches(0).predicate().has_all());
  EXPECT_TRUE(txn.branches(0).predicate().all().children().empty());
}

TEST(FromRequest, ChildrenAreSubExpressionsThenConditions) {
  meta::BooleanExpression expression;
  expression.set_operator_(meta::BooleanExpression::OR);
  expression.add_conditions()->set_key("first condition");
  expression.add_sub_expressions();
  expression.mutable_conditions(0)->set_seq(3);
  const pb::Predicate predicate = Convert(expression);
  ASSERT_TRUE(predicate.has_any());
  ASSERT_EQ(predicate.any().children_size(), 2);
  EXPECT_TRUE(predicate.any().children(0).has_all());
  EXPECT_EQ(predicate.any().children(1).leaf().key(), "first condition");
}

TEST(FromRequest, AnOrOfNothingIsAllOfNothing) {
  meta::BooleanExpression expression;
  expression.set_operator_(meta::BooleanExpression::OR);
  EXPECT_TRUE(Convert(expression).has_all());
}

TEST(FromRequest, UnknownOperatorsBecomeAndAndEqual) {
  meta::BooleanExpression expression;
  expression.set_operator_(static_cast<meta::BooleanExpression::CombiningOperator>(9));
  meta::TxnCondition& condition = *expression.add_conditions();
  condition.set_expected(static_cast<meta::TxnCondition::ConditionResult>(77));
  condition.set_seq(1);
  const pb::Predicate predicate = Convert(expression);
  ASSERT_TRUE(predicate.has_all());
  EXPECT_EQ(predicate.all().children(0).leaf().expected(), meta::TxnCondition::EQ);
}

TEST(FromRequest, AConditionWithoutTargetBecomesOneThatIsNeverTrue) {
  meta::BooleanExpression expression;
  expression.add_conditions()->set_key("k");
  const pb::Predicate predicate = Convert(expression);
  const meta::TxnCondition& leaf = predicate.all().children(0).leaf();
  EXPECT_EQ(leaf.key(), "k");
  EXPECT_EQ(leaf.expected(), meta::TxnCondition::LT);
  ASSERT_TRUE(leaf.has_seq());
  EXPECT_EQ(leaf.seq(), 0U);
}

TEST(FromRequest, AnOperationWithoutRequestBecomesGetOfTheEmptyKey) {
  meta::KvTransactionRequest request;
  request.add_branches()->add_operations();
  request.mutable_branches(0)->add_operations()->mutable_put()->set_key("k");
  const pb::KvTxn txn = sm::FromRequest(request);
  EXPECT_TRUE(txn.branches(0).operations(0).has_get());
  EXPECT_EQ(txn.branches(0).operations(1).put().key(), "k");
}

}  // namespace
}  // namespace metasrv::testing
