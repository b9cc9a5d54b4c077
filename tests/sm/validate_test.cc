#include "sm/validate.h"

#include <gtest/gtest.h>

namespace metasrv::sm {
namespace {

pb::Command NestedTransaction(int depth) {
  pb::Command command;
  meta::BooleanExpression* expression = command.mutable_transaction()->add_operations()->mutable_predicate();
  for (int level = 1; level < depth; ++level) expression = expression->add_sub_expressions();
  return command;
}

pb::Command NestedKvTransaction(int depth, bool with_condition = false) {
  pb::Command command;
  pb::Predicate* predicate = command.mutable_kv_transaction()->add_branches()->mutable_predicate();
  for (int level = 1; level < depth; ++level) predicate = predicate->mutable_all()->add_children();
  if (with_condition) predicate->mutable_all()->add_children()->mutable_leaf();
  return command;
}

TEST(Validate, AcceptsWhatTheStateMachineCanApply) {
  pb::Command upsert;
  upsert.mutable_upsert_kv()->mutable_value()->mutable_delete_();
  EXPECT_EQ(WhyInvalid(upsert), std::nullopt);
  EXPECT_EQ(WhyInvalid(NestedTransaction(kPredicateDepthMax)), std::nullopt);
  EXPECT_EQ(WhyInvalid(NestedKvTransaction(kPredicateDepthMax)), std::nullopt);
  EXPECT_EQ(WhyInvalid(NestedKvTransaction(kPredicateDepthMax, true)), std::nullopt) << "a condition is no level";
}

TEST(Validate, RefusesCommandsThatSayNothing) {
  EXPECT_TRUE(WhyInvalid(pb::Command()).has_value());
  pb::Command upsert;
  upsert.mutable_upsert_kv()->set_key("k");
  EXPECT_EQ(WhyInvalid(upsert), "the upsert of 'k' has no operation");
}

TEST(Validate, RefusesANodePortThatABackupCouldNotHold) {
  pb::Command command;
  command.mutable_add_node()->set_node_id(3);
  command.mutable_add_node()->mutable_node()->set_port(65535);
  EXPECT_EQ(WhyInvalid(command), std::nullopt);
  command.mutable_add_node()->mutable_node()->set_port(65536);
  EXPECT_EQ(WhyInvalid(command), "node 3 has the Raft port 65536; ports end at 65535");
}

TEST(Validate, RefusesPredicatesThatNestDeeperThanClientsCanSendThem) {
  EXPECT_TRUE(WhyInvalid(NestedTransaction(kPredicateDepthMax + 1)).has_value());
  EXPECT_TRUE(WhyInvalid(NestedKvTransaction(kPredicateDepthMax + 1)).has_value());
}

}  // namespace
}  // namespace metasrv::sm
