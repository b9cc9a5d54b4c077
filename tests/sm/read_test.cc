#include "sm/read.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sm/layout.h"
#include "sm/mem_store.h"
#include "tests/sm/notation.h"
#include "tests/sm/scanner.h"

namespace metasrv::testing {
namespace {

sm::MemStore StoreWith(std::string_view state) {
  sm::MemStore store;
  EXPECT_TRUE(store.Write(RowsOf(ParseState(state, 1))));
  return store;
}

std::string Keys(sm::PrefixScan scan, std::size_t limit = SIZE_MAX) {
  std::string keys;
  for (std::size_t i = 0; i < limit; ++i) {
    const auto item = scan.Next();
    if (!item) break;
    keys += (keys.empty() ? "" : ", ") + item->key();
  }
  return keys;
}

// Rows 113-118 of kv-semantics.md §15 F.
TEST(PrefixScan, ListsPlainStringPrefixesInByteOrder) {
  const auto store =
      StoreWith("S=7; B#1=\"\", a#2=\"\", p#3=\"\", p/10#4=\"\", p/2#5=\"\", pq#6=\"\", é#7=\"\"; nodes {1=A}");
  const WallMillis now(kT0);
  EXPECT_EQ(Keys({store, "", now}), "B, a, p, p/10, p/2, pq, é");
  EXPECT_EQ(Keys({store, "p", now}), "p, p/10, p/2, pq");
  EXPECT_EQ(Keys({store, "p/", now}), "p/10, p/2");
  EXPECT_EQ(Keys({store, "p", now}, 2), "p, p/10");
  EXPECT_EQ(Keys({store, "p", now}, 0), "");
  EXPECT_EQ(Keys({store, "zz", now}), "");
}

TEST(PrefixScan, WalksARangeWhoseEndIsExclusive) {
  const auto store = StoreWith("S=4; a#1=\"\"^T0, b#2=\"\", c#3=\"\", z#4=\"\"");
  EXPECT_EQ(Keys({store, "a", "c", WallMillis(0)}), "a, b");
  EXPECT_EQ(Keys({store, "a", "c", WallMillis(kT0 + 1)}), "b");
  EXPECT_EQ(Keys({store, "b", std::string_view("b\0", 2), WallMillis(0)}), "b");
}

// The prefix whose upper bound is a surrogate in UTF-16 (kv-semantics.md §10).
TEST(PrefixScan, EndsAtThePrefixWhateverItsLastCharacter) {
  const auto store = StoreWith("S=3; \xed\x9f\xbf#1=\"\", \xed\x9f\xbf/x#2=\"\", \xee\x80\x80#3=\"\"");
  EXPECT_EQ(Keys({store, "\xed\x9f\xbf", WallMillis(0)}), "\xed\x9f\xbf, \xed\x9f\xbf/x");
}

// Rows 109, 110, 119, 120 and 123.
TEST(GetRecord, HidesARecordOnceItsExpiryHasPassed) {
  const auto store = StoreWith("S=5; a#1=\"x\", k#5=\"v\"^T0+10, s#4=\"sec\"^1700000001");
  EXPECT_EQ(sm::GetRecord(store, "a", WallMillis(kT0))->data(), "x");
  EXPECT_FALSE(sm::GetRecord(store, "b", WallMillis(kT0)).has_value());
  EXPECT_EQ(sm::GetRecord(store, "k", WallMillis(kT0 + 10))->seq(), 5U);
  EXPECT_FALSE(sm::GetRecord(store, "k", WallMillis(kT0 + 11)).has_value());
  EXPECT_TRUE(sm::GetRecord(store, "s", WallMillis(kT0 + 1000)).has_value());
  EXPECT_FALSE(sm::GetRecord(store, "s", WallMillis(kT0 + 1001)).has_value());
  EXPECT_EQ(Keys({store, "", WallMillis(kT0 + 11)}, 2), "a, s");
}

TEST(ScalarReads, AnEmptyStateHasNothing) {
  const sm::MemStore store;
  EXPECT_FALSE(sm::ReadLastApplied(store).has_value());
  EXPECT_FALSE(sm::ReadLastMembership(store).has_log_id());
  EXPECT_EQ(sm::ReadLastSeq(store), 0U);
  EXPECT_TRUE(sm::ReadNodes(store).empty());
  EXPECT_TRUE(sm::ReadFeatures(store).empty());
}

TEST(ScalarReads, NodesComeInTheOrderOfTheirIds) {
  const auto store = StoreWith("S=18446744073709551615; (empty); nodes {256=B, 2=A}; features {z, a}");
  EXPECT_EQ(sm::ReadLastSeq(store), UINT64_MAX);
  const auto nodes = sm::ReadNodes(store);
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes.begin()->first, NodeId(2));
  EXPECT_EQ(nodes.rbegin()->second.name(), "B");
  EXPECT_EQ(sm::ReadFeatures(store), (std::vector<std::string>{"a", "z"}));
}

TEST(Layout, RowsRoundTripAndSortAsTheirNumbersDo) {
  EXPECT_EQ(sm::KeyOfRecordRow(sm::RecordRow("")), "");
  EXPECT_EQ(sm::KeyOfRecordRow(sm::RecordRow("a/b")), "a/b");
  EXPECT_EQ(sm::IdOfNodeRow(sm::NodeRow(NodeId(77))), NodeId(77));
  const std::pair<std::uint64_t, std::uint64_t> entry{0x0102030405060708, UINT64_MAX};
  EXPECT_EQ(sm::TimeAndSeqOfExpireRow(sm::ExpireRow(entry.first, entry.second)), entry);
  EXPECT_LT(sm::ExpireRow(255, 9), sm::ExpireRow(256, 1));
  EXPECT_LT(sm::ExpireRow(255, 9), sm::ExpireRow(255, 10));
}

TEST(Layout, PrefixEndIsTheFirstRowBehindThePrefix) {
  EXPECT_EQ(sm::PrefixEnd("ab"), "ac");
  EXPECT_EQ(sm::PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(sm::PrefixEnd("\xff"), "");
  EXPECT_EQ(sm::PrefixEnd(""), "");
}

TEST(Layout, ExpiryIsSecondsUpToAHundredBillion) {
  EXPECT_EQ(sm::ExpireMillis(0), 0U);
  EXPECT_EQ(sm::ExpireMillis(100'000'000'000), 100'000'000'000'000U);
  EXPECT_EQ(sm::ExpireMillis(100'000'000'001), 100'000'000'001U);
  EXPECT_EQ(sm::ExpireMillis(UINT64_MAX), UINT64_MAX);
}

}  // namespace
}  // namespace metasrv::testing
