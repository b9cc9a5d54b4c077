#pragma once

#include "tests/io/log_store_contract.h"

// The part of the contract of io::LogStore that is about whose log it is (docs/STORAGE.md, K14).
namespace metasrv::test {

TEST_P(LogStoreContract, K14AStoreKeepsItsIdentityAndANewOneHasNone) {
  EXPECT_EQ(world_->store().Load()->node_id, std::nullopt);
  io::LogBatch batch;
  batch.node_id = NodeId(0);
  Write(batch);
  Write(Appending(TextEntries(1, 0, 1)));
  CrashAndOpen();
  EXPECT_EQ(world_->store().Load()->node_id, NodeId(0));
}

TEST_P(LogStoreContract, TheNameOfTheDiskStaysAndANewStoreHasNone) {
  EXPECT_EQ(world_->store().Load()->incarnation, std::nullopt);
  io::LogBatch batch;
  batch.incarnation = Incarnation(1ULL << 63U);
  Write(batch);
  CrashAndOpen();
  EXPECT_EQ(world_->store().Load()->incarnation, Incarnation(1ULL << 63U));
}

TEST_P(LogStoreContract, AMembershipComesBackWithTheDisksThatItCountsOn) {
  Membership membership = UniformMembership({NodeId(1), NodeId(2)});
  membership.identity.cluster = ClusterId(77);
  membership.identity.Record(NodeId(2), Incarnation(1ULL << 63U));
  io::LogBatch batch;
  batch.append = {Entry::OfMembership({Term(1), NodeId(1), LogIndex(0)}, membership)};
  Write(batch);
  Reopen();
  const auto log = world_->store().Load();
  ASSERT_TRUE(log.has_value());
  EXPECT_EQ(log->entries.front().membership->identity, membership.identity);
}

}  // namespace metasrv::test
