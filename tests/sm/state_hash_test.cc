#include "sm/state_hash.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/check.h"
#include "sm/layout.h"
#include "sm/machine.h"
#include "sm/mem_store.h"
#include "tests/sm/notation.h"

namespace metasrv::testing {
namespace {

std::uint64_t HashOf(const std::string& state) {
  sm::MemStore store;
  CHECK(store.Write(RowsOf(ParseState(state, 7))));
  return sm::ComputeStateHash(store);
}

// What a state holds beyond `S=5; a#3="1"`, and whether the hash tells.
struct Case {
  const char* state;
  bool same;
};

TEST(StateHash, CoversWhatClientsSeeAndNothingElse) {
  const std::vector<Case> cases = {
      {"S=5; a#3=\"1\"", true},
      {"S=5; a#3=\"2\"", false},
      {"S=5; b#3=\"1\"", false},
      {"S=5; a#4=\"1\"", false},
      {"S=5; a#3=\"1\"^T0+9", false},
      {"S=6; a#3=\"1\"", false},
      {"S=5; a#3=\"1\", b#5=\"\"", false},
      {"S=5; (empty)", false},
      {"S=5; a#3=\"1\"; nodes {1=A}", true},
      {"S=5; a#3=\"1\"; features {dummy}", true},
  };
  const std::uint64_t base = HashOf("S=5; a#3=\"1\"");
  for (const Case& one : cases) EXPECT_EQ(HashOf(one.state) == base, one.same) << one.state;
}

TEST(StateHash, LeavesOutTheRowsOfTheReplicaItself) {
  for (const auto row : {sm::kLastAppliedRow, sm::kLastMembershipRow, sm::kLogTimeRow, sm::kStateHashRow,
                         sm::kQuarantinedRow, sm::kRequestPlacesRow}) {
    EXPECT_FALSE(sm::IsHashed(row)) << row;
  }
  EXPECT_TRUE(sm::IsHashed(sm::kLastSeqRow));
  EXPECT_TRUE(sm::IsHashed(sm::ExpireRow(1, 2)));
  EXPECT_FALSE(sm::IsHashed(""));
}

TEST(StateHash, OfNothingIsZeroAndASequenceOfZeroIsNothing) {
  sm::MemStore store;
  EXPECT_EQ(sm::ComputeStateHash(store), 0U);
  EXPECT_EQ(sm::ReadStateHash(store), std::nullopt);
  sm::RowsHash rows;
  rows.Add(sm::kLastSeqRow, "0");
  EXPECT_EQ(rows.value(), 0U);
}

TEST(StateHash, OfAnImportedStateIsFoundWithoutAStoredRow) {
  sm::MemStore store;
  ASSERT_TRUE(store.Write(RowsOf(ParseState("S=5; a#3=\"1\"", 7))));
  sm::Machine machine(store);
  EXPECT_EQ(machine.state_hash(), sm::ComputeStateHash(store));
  const sm::LogEntry blank{{Term(1), NodeId(1), LogIndex(0)}, {}, nullptr};
  ASSERT_TRUE(machine.Apply(std::span(&blank, 1)));
  EXPECT_EQ(sm::ReadStateHash(store), sm::ComputeStateHash(store));
}

// A row that changed behind the machine's back stays visible as a difference, whatever is applied later.
TEST(StateHash, NeverForgetsARowThatWasChangedBehindItsBack) {
  sm::MemStore store;
  ASSERT_TRUE(store.Write(RowsOf(ParseState("S=5; a#3=\"1\"", 7))));
  sm::Machine machine(store);
  const sm::LogEntry blank{{Term(1), NodeId(1), LogIndex(0)}, {}, nullptr};
  ASSERT_TRUE(machine.Apply(std::span(&blank, 1)));
  ASSERT_TRUE(store.Write(RowsOf(ParseState("S=5; a#3=\"2\"", 7))));
  const std::string payload = ParseEntry("T0: UpsertKV a Any Update \"3\"").command->SerializeAsString();
  const sm::LogEntry put{{Term(1), NodeId(1), LogIndex(1)}, payload, nullptr};
  ASSERT_TRUE(machine.Apply(std::span(&put, 1)));
  EXPECT_NE(machine.state_hash(), sm::ComputeStateHash(store));
}

}  // namespace
}  // namespace metasrv::testing
