#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sm/mem_store.h"
#include "sm/persistent_map.h"
#include "sm/read.h"

namespace metasrv::testing {
namespace {

using Plain = std::map<std::string, std::string>;

Plain Content(const sm::PersistentMap& map, std::string_view lower = "") {
  Plain rows;
  std::string last;
  for (auto cursor = map.LowerBound(lower); cursor.Valid(); cursor.Next()) {
    EXPECT_TRUE(rows.empty() || last < cursor.row().first);
    last = cursor.row().first;
    rows.insert(cursor.row());
  }
  return rows;
}

// A few short keys of any bytes, so that changes meet.
std::string AnyRowKey() {
  return *rc::gen::container<std::string>(*rc::gen::inRange(0, 3),
                                          rc::gen::element('a', 'b', '\0', '\x7f', '\x80', '\xff'));
}

sm::WriteBatch AnyBatch() {
  sm::WriteBatch batch;
  for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
    if (*rc::gen::inRange(0, 3) == 0) {
      batch.Delete(AnyRowKey());
    } else {
      batch.Put(AnyRowKey(), *rc::gen::arbitrary<std::string>());
    }
  }
  return batch;
}

void ApplyPlainly(Plain& rows, const sm::WriteBatch& batch) {
  for (const auto& change : batch.changes) {
    rows.erase(change.key);
    if (change.value) rows[change.key] = *change.value;
  }
}

RC_GTEST_PROP(PersistentMap, BehavesAsAnOrderedMapAndItsCopiesStayAsTheyWere, ()) {
  sm::PersistentMap map;
  Plain plain;
  std::vector<std::pair<sm::PersistentMap, Plain>> copies;
  for (int i = *rc::gen::inRange(0, 8); i > 0; --i) {
    const sm::WriteBatch batch = AnyBatch();
    sm::ApplyTo(map, batch);
    ApplyPlainly(plain, batch);
    copies.emplace_back(map, plain);
  }
  const std::string probe = AnyRowKey();
  for (const auto& [copy, expected] : copies) {
    RC_ASSERT(copy.size() == expected.size());
    RC_ASSERT(Content(copy) == expected);
    RC_ASSERT(Content(copy, probe) == Plain(expected.lower_bound(probe), expected.end()));
    const std::string* value = copy.Find(probe);
    RC_ASSERT((value != nullptr) == expected.contains(probe));
    if (value != nullptr) RC_ASSERT(*value == expected.at(probe));
  }
}

RC_GTEST_PROP(MemStore, ScansExactlyTheRowsBetweenItsBounds, ()) {
  sm::MemStore store;
  Plain plain;
  sm::WriteBatch batch = AnyBatch();
  ApplyPlainly(plain, batch);
  RC_ASSERT(store.Write(std::move(batch)));
  const std::string lower = AnyRowKey();
  const std::string upper = AnyRowKey();
  Plain expected;
  for (const auto& [key, value] : plain) {
    if (key >= lower && (upper.empty() || key < upper)) expected[key] = value;
  }
  Plain scanned;
  for (auto rows = store.Scan(lower, upper); rows->Valid(); rows->Next()) scanned.emplace(rows->key(), rows->value());
  RC_ASSERT(scanned == expected);
}

TEST(PersistentMap, LosesNoRowWhenManyKeysArriveInOrder) {
  sm::PersistentMap map;
  constexpr int kRows = 20'000;
  for (int i = 0; i < kRows; ++i) map.Put("key" + std::to_string(1'000'000 + i), "");
  EXPECT_EQ(map.size(), std::size_t{kRows});
  for (int i = 0; i < kRows; i += 2) map.Erase("key" + std::to_string(1'000'000 + i));
  EXPECT_EQ(map.size(), std::size_t{kRows / 2});
}

TEST(MemStore, SnapshotsAndOpenIteratorsDoNotSeeLaterWrites) {
  sm::MemStore store;
  sm::WriteBatch first;
  first.Put("a", "1");
  first.Put("b", "2");
  ASSERT_TRUE(store.Write(std::move(first)));
  const auto snapshot = store.NewSnapshot();
  const std::uint64_t hash = sm::HashState(*snapshot);
  const auto rows = store.Scan("", "");
  sm::WriteBatch second;
  second.Delete("b");
  second.Put("a", "3");
  ASSERT_TRUE(store.Write(std::move(second)));
  EXPECT_EQ(snapshot->Get("a"), "1");
  EXPECT_EQ(snapshot->Get("b"), "2");
  EXPECT_EQ(sm::HashState(*snapshot), hash);
  EXPECT_NE(sm::HashState(store), hash);
  EXPECT_EQ(rows->value(), "1");
  EXPECT_EQ(store.Get("b"), std::nullopt);
}

TEST(MemStore, ALaterChangeOfAKeyInABatchWins) {
  sm::MemStore store;
  sm::WriteBatch batch;
  batch.Put("a", "1");
  batch.Delete("a");
  batch.Put("a", "2");
  batch.Put("b", "1");
  batch.Delete("b");
  ASSERT_TRUE(store.Write(std::move(batch)));
  EXPECT_EQ(store.Get("a"), "2");
  EXPECT_EQ(store.Get("b"), std::nullopt);
}

TEST(MemStore, AnInstalledStateReplacesTheOldOneOnlyAtCommit) {
  sm::MemStore store;
  sm::WriteBatch batch;
  batch.Put("old", "1");
  ASSERT_TRUE(store.Write(std::move(batch)));
  store.NewInstaller()->Add({{"dropped", "x"}});
  const auto installer = store.NewInstaller();
  installer->Add({{"b", "2"}});
  installer->Add({{"a", "1"}});
  EXPECT_EQ(store.Get("old"), "1");
  bool committed = false;
  installer->Commit([&](bool ok) { committed = ok; });
  EXPECT_TRUE(committed);
  EXPECT_EQ(Content(store.rows()), (Plain{{"a", "1"}, {"b", "2"}}));
}

TEST(MemStore, FlushReportsSuccess) {
  sm::MemStore store;
  bool flushed = false;
  store.Flush([&](bool ok) { flushed = ok; });
  EXPECT_TRUE(flushed);
}

TEST(HashState, DependsOnContentAndNotOnTheOrderOfWrites) {
  sm::PersistentMap forward;
  sm::PersistentMap backward;
  for (int i = 0; i < 100; ++i) forward.Put(std::to_string(i), "v");
  for (int i = 99; i >= 0; --i) backward.Put(std::to_string(i), "v");
  EXPECT_EQ(sm::HashState(sm::MapReader(forward)), sm::HashState(sm::MapReader(backward)));
  backward.Put("7", "w");
  EXPECT_NE(sm::HashState(sm::MapReader(forward)), sm::HashState(sm::MapReader(backward)));
}

}  // namespace
}  // namespace metasrv::testing
