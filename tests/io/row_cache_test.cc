#include "io/real/row_cache.h"

#include <gtest/gtest.h>

#include <map>

#include "common/prng.h"

namespace metasrv::io {
namespace {

using Value = RowCache::Value;

sm::WriteBatch Put(const std::string& key, const std::string& value) {
  sm::WriteBatch batch;
  batch.Put(key, value);
  return batch;
}

TEST(RowCache, KnowsWhatWasWrittenAndWhatWasRead) {
  RowCache cache(10'000);
  cache.Write(Put("a", "1"));
  cache.Remember("absent", std::nullopt, cache.version());
  EXPECT_EQ(cache.Find("a", cache.version()), std::optional<Value>("1"));
  EXPECT_EQ(cache.Find("absent", cache.version()), std::optional<Value>(Value()));
  EXPECT_EQ(cache.Find("unknown", cache.version()), std::nullopt);
}

TEST(RowCache, AnOlderVersionNeitherSeesNorLeavesAnything) {
  RowCache cache(10'000);
  cache.Write(Put("a", "1"));
  const auto old = cache.version();
  cache.Write(Put("b", "2"));
  EXPECT_EQ(cache.Find("a", old), std::nullopt);
  cache.Remember("c", "of the past", old);
  EXPECT_EQ(cache.Find("c", cache.version()), std::nullopt);
  EXPECT_EQ(cache.Find("a", cache.version()), std::optional<Value>("1"));
}

TEST(RowCache, ForgetsEverythingWhenTheStateIsReplaced) {
  RowCache cache(10'000);
  cache.Write(Put("a", "1"));
  const auto old = cache.version();
  cache.Clear();
  EXPECT_EQ(cache.Find("a", old), std::nullopt);
  EXPECT_EQ(cache.Find("a", cache.version()), std::nullopt);
}

TEST(RowCache, DropsTheLeastRecentlyUsedRowsFirst) {
  RowCache cache(1'000);
  for (const char* key : {"a", "b", "c"}) cache.Write(Put(key, std::string(100, 'x')));
  EXPECT_TRUE(cache.Find("a", cache.version()));
  cache.Write(Put("d", std::string(100, 'x')));
  EXPECT_TRUE(cache.Find("a", cache.version()));
  EXPECT_FALSE(cache.Find("b", cache.version()));
  cache.Write(Put("huge", std::string(5'000, 'x')));
  EXPECT_FALSE(cache.Find("huge", cache.version()));
}

TEST(RowCache, NeverSaysAnythingElseThanAMapThatGetsTheSameWrites) {
  Prng random(11);
  RowCache cache(4'000);
  std::map<std::string, std::string> model;
  int hits = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "k" + std::to_string(random.Below(40));
    const auto stored = model.find(key);
    const Value expected = stored == model.end() ? Value() : Value(stored->second);
    if (const auto found = cache.Find(key, cache.version())) {
      ++hits;
      ASSERT_EQ(*found, expected) << i;
    } else {
      cache.Remember(key, expected, cache.version());
    }
    if (!random.Chance(300'000)) continue;
    sm::WriteBatch batch;
    if (random.Chance(300'000)) {
      batch.Delete(key);
      model.erase(key);
    } else {
      batch.Put(key, std::string(random.Below(200), 'v') + std::to_string(i));
      model[key] = *batch.changes.front().value;
    }
    cache.Write(batch);
  }
  EXPECT_GT(hits, 1'000);
}

}  // namespace
}  // namespace metasrv::io
