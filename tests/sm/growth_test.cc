#include "sm/growth.h"

#include <gtest/gtest.h>

namespace metasrv::sm {
namespace {

TEST(Growth, OfAnUpsertIsEverythingButADeletion) {
  pb::Command command;
  command.mutable_upsert_kv()->mutable_value()->set_update("v");
  EXPECT_TRUE(MayGrow(command));
  command.mutable_upsert_kv()->mutable_value()->mutable_as_is();
  EXPECT_TRUE(MayGrow(command)) << "it may add an expiry";
  command.mutable_upsert_kv()->mutable_value()->mutable_delete_();
  EXPECT_FALSE(MayGrow(command));
}

TEST(Growth, OfATransactionIsThatOfAnyBranch) {
  pb::Command command;
  meta::TxnRequest& txn = *command.mutable_transaction();
  txn.add_if_then()->mutable_delete_();
  txn.add_else_then()->mutable_get();
  txn.add_operations()->add_operations()->mutable_delete_by_prefix();
  EXPECT_FALSE(MayGrow(command));
  for (int place = 0; place < 3; ++place) {
    for (int kind = 0; kind < 3; ++kind) {
      pb::Command grows = command;
      meta::TxnRequest& grown = *grows.mutable_transaction();
      meta::TxnOp& op = place == 0   ? *grown.add_if_then()
                        : place == 1 ? *grown.add_else_then()
                                     : *grown.add_operations()->add_operations();
      if (kind == 0) op.mutable_put();
      if (kind == 1) op.mutable_fetch_increase_u64();
      if (kind == 2) op.mutable_put_sequential();
      EXPECT_TRUE(MayGrow(grows)) << place << " " << kind;
    }
  }
}

TEST(Growth, OfAKvTransactionIsThatOfAnyBranch) {
  pb::Command command;
  command.mutable_kv_transaction()->add_branches()->add_operations()->mutable_delete_();
  EXPECT_FALSE(MayGrow(command));
  command.mutable_kv_transaction()->add_branches()->add_operations()->mutable_put();
  EXPECT_TRUE(MayGrow(command));
}

TEST(Growth, MembersComeAndGoWithoutIt) {
  pb::Command command;
  command.mutable_remove_node();
  EXPECT_FALSE(MayGrow(command));
  command.mutable_add_node();
  EXPECT_FALSE(MayGrow(command));
}

}  // namespace
}  // namespace metasrv::sm
