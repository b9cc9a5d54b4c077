// Which ranges contain a key, against the obvious way to find out.
#include "node/range_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace metasrv::node {
namespace {

KeyRange DrawRange(Prng& prng) {
  std::string a(1, static_cast<char>('a' + prng.Below(26)));
  std::string b(1, static_cast<char>('a' + prng.Below(26)));
  if (a > b) std::swap(a, b);
  if (a == b || prng.Chance(200'000)) b = a + '\0';  // exactly one key
  return {a, b};
}

class RangeIndexTest : public testing::Test {
 protected:
  void Add(const KeyRange& range) {
    const WatchId id(++last_id_);
    ranges_[id] = range;
    index_.Add(range, {id, nullptr, LogIndex(0), nullptr});
  }
  void Remove(WatchId id) {
    index_.Remove(ranges_.at(id), id);
    ranges_.erase(id);
  }
  [[nodiscard]] std::vector<WatchId> Found(const std::string& key) const {
    std::vector<WatchId> ids;
    index_.ForEach(key, [&ids](const RangeIndex::Entry& entry) { ids.push_back(entry.id); });
    std::ranges::sort(ids);
    return ids;
  }
  [[nodiscard]] std::vector<WatchId> Expected(const std::string& key) const {
    std::vector<WatchId> ids;
    for (const auto& [id, range] : ranges_) {
      if (range.Contains(key)) ids.push_back(id);
    }
    return ids;
  }

  RangeIndex index_{1};
  std::map<WatchId, KeyRange> ranges_;
  std::uint64_t last_id_ = 0;
};

TEST_F(RangeIndexTest, FindsExactlyTheRangesThatContainAKeyWhileRangesComeAndGo) {
  Prng prng(7);
  for (int step = 0; step < 20'000; ++step) {
    if (ranges_.size() < 40 || (ranges_.size() < 200 && prng.Chance(500'000))) {
      Add(DrawRange(prng));
    } else {
      Remove(std::next(ranges_.begin(), static_cast<long>(prng.Below(ranges_.size())))->first);
    }
    std::string key(1, static_cast<char>('a' + prng.Below(26)));
    if (prng.Chance(300'000)) key += 'x';
    ASSERT_EQ(Found(key), Expected(key)) << "step " << step;
  }
  while (!ranges_.empty()) Remove(ranges_.begin()->first);
  EXPECT_TRUE(Found("m").empty());
}

TEST_F(RangeIndexTest, TheEndOfARangeIsExclusiveAndItsBeginIsNot) {
  Add({"b", "d"});
  EXPECT_EQ(Found("a").size(), 0U);
  EXPECT_EQ(Found("b").size(), 1U);
  EXPECT_EQ(Found("c\xff").size(), 1U);
  EXPECT_EQ(Found("d").size(), 0U);
}

TEST_F(RangeIndexTest, EqualRangesAreKeptApartByTheirIds) {
  for (int i = 0; i < 3; ++i) Add({"a", "c"});
  Remove(WatchId(2));
  EXPECT_EQ(Found("b"), (std::vector<WatchId>{WatchId(1), WatchId(3)}));
}

}  // namespace
}  // namespace metasrv::node
