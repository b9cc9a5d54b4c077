#include "sim/invariants/watch_history.h"

#include <gtest/gtest.h>

#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

meta::SeqV Record(std::uint64_t seq, const std::string& data) {
  meta::SeqV record;
  record.set_seq(seq);
  record.set_data(data);
  return record;
}

// Entry 0 puts a, entry 1 nothing, entry 2 puts b and replaces a, entry 3 deletes a, entry 4 puts z.
class FixedReference final : public WatchReference {
 public:
  [[nodiscard]] LogIndex end() const override { return LogIndex(changes_.size()); }
  [[nodiscard]] const std::vector<ModelChange>& ChangesOf(LogIndex index) const override {
    return changes_[index.value()];
  }
  [[nodiscard]] std::vector<std::pair<std::string, meta::SeqV>> RecordsAt(LogIndex end) const override {
    std::map<std::string, meta::SeqV> records;
    for (std::uint64_t i = 0; i < end.value(); ++i) {
      for (const ModelChange& change : changes_[i]) {
        records.erase(change.key);
        if (change.after) records[change.key] = *change.after;
      }
    }
    return {records.begin(), records.end()};
  }

 private:
  const std::vector<std::vector<ModelChange>> changes_ = {
      {{"a", std::nullopt, Record(1, "1")}},
      {},
      {{"b", std::nullopt, Record(2, "2")}, {"a", Record(1, "1"), Record(3, "3")}},
      {{"a", Record(3, "3"), std::nullopt}},
      {{"z", std::nullopt, Record(4, "4")}},
  };
};

class WatchHistoryTest : public testing::Test {
 protected:
  WatchJudge Watch(std::uint64_t start, bool flush = false,
                   meta::WatchRequest::FilterType filter = meta::WatchRequest::ALL, const std::string& end = "y") {
    return {{"watch", "a", end, filter, flush, LogIndex(start)}, reference_, verdict_};
  }
  static meta::WatchResponse Change(const std::string& key, const std::optional<meta::SeqV>& before,
                                    const std::optional<meta::SeqV>& after) {
    meta::WatchResponse message;
    message.mutable_event()->set_key(key);
    if (before) *message.mutable_event()->mutable_prev() = *before;
    if (after) *message.mutable_event()->mutable_current() = *after;
    return message;
  }
  static meta::WatchResponse Initial(const std::string& key, const meta::SeqV& record) {
    auto message = Change(key, std::nullopt, record);
    message.set_is_initialization(true);
    return message;
  }

  FixedReference reference_;
  Verdict verdict_;
  const LogIndex all_{5};
  const meta::WatchResponse put_a_ = Change("a", std::nullopt, Record(1, "1"));
  const meta::WatchResponse put_b_ = Change("b", std::nullopt, Record(2, "2"));
  const meta::WatchResponse replace_a_ = Change("a", Record(1, "1"), Record(3, "3"));
  const meta::WatchResponse delete_a_ = Change("a", Record(3, "3"), std::nullopt);
};

TEST_F(WatchHistoryTest, TheWholeHistoryOfTheRangeIsFine) {
  auto watch = Watch(0);
  for (const auto& message : {put_a_, put_b_, replace_a_, delete_a_}) watch.OnMessage(message, all_);
  watch.OnDrained(all_);
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(WatchHistoryTest, WhatCameBeforeTheStartIsNotTold) {
  auto watch = Watch(1);
  watch.OnMessage(put_a_, all_);
  EXPECT_EQ(Broken(verdict_), kWatchIsHistory.name);
}

TEST_F(WatchHistoryTest, ASkippedEventIsNoticedByTheNextOne) {
  auto watch = Watch(0);
  watch.OnMessage(put_a_, all_);
  watch.OnMessage(replace_a_, all_);
  EXPECT_EQ(Broken(verdict_), kWatchIsHistory.name);
}

TEST_F(WatchHistoryTest, ASkippedLastEventIsNoticedAtRest) {
  auto watch = Watch(3);
  watch.OnDrained(LogIndex(3));
  EXPECT_EQ(Broken(verdict_), "");
  watch.OnDrained(LogIndex(4));
  EXPECT_EQ(Broken(verdict_), kWatchIsHistory.name);
}

TEST_F(WatchHistoryTest, ADoubledEventIsNoticed) {
  auto watch = Watch(3);
  watch.OnMessage(delete_a_, all_);
  watch.OnMessage(delete_a_, all_);
  EXPECT_EQ(Broken(verdict_), kWatchIsHistory.name);
}

TEST_F(WatchHistoryTest, EventsInAnotherOrderAreNoticed) {
  auto watch = Watch(2);
  watch.OnMessage(replace_a_, all_);
  EXPECT_EQ(Broken(verdict_), kWatchIsHistory.name);
}

TEST_F(WatchHistoryTest, AnEventThatIsNotReadableYetIsNoticed) {
  auto watch = Watch(0);
  watch.OnMessage(put_a_, LogIndex(1));
  EXPECT_EQ(Broken(verdict_), "");
  watch.OnMessage(put_b_, LogIndex(2));
  EXPECT_EQ(Broken(verdict_), kWatchReadable.name);
}

TEST_F(WatchHistoryTest, AnEventOutsideOfTheRangeIsNoticed) {
  auto watch = Watch(4);
  watch.OnMessage(Change("z", std::nullopt, Record(4, "4")), all_);
  EXPECT_EQ(Broken(verdict_), kWatchIsHistory.name);
}

TEST_F(WatchHistoryTest, AnotherRecordThanTheLogsIsNoticed) {
  auto watch = Watch(3);
  watch.OnMessage(Change("a", Record(3, "other"), std::nullopt), all_);
  EXPECT_EQ(Broken(verdict_), kWatchIsHistory.name);
}

TEST_F(WatchHistoryTest, FiltersLeaveOutOneKindAndNothingElse) {
  auto updates = Watch(0, false, meta::WatchRequest::UPDATE);
  for (const auto& message : {put_a_, put_b_, replace_a_}) updates.OnMessage(message, all_);
  updates.OnDrained(all_);
  auto deletions = Watch(0, false, meta::WatchRequest::DELETE);
  deletions.OnMessage(delete_a_, all_);
  deletions.OnDrained(all_);
  EXPECT_EQ(Broken(verdict_), "");
  auto wrong = Watch(3, false, meta::WatchRequest::UPDATE);
  wrong.OnMessage(delete_a_, all_);
  EXPECT_EQ(Broken(verdict_), kWatchIsHistory.name);
}

TEST_F(WatchHistoryTest, AFlushIsTheStateAtTheStartThenItsEndThenChanges) {
  auto watch = Watch(3, true, meta::WatchRequest::DELETE);
  watch.OnMessage(Initial("a", Record(3, "3")), all_);
  watch.OnMessage(Initial("b", Record(2, "2")), all_);
  EXPECT_TRUE(watch.flushing());
  watch.OnMessage({}, all_);
  EXPECT_FALSE(watch.flushing());
  watch.OnMessage(delete_a_, all_);
  watch.OnDrained(all_);
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(WatchHistoryTest, AFlushThatLeavesOutARecordIsNoticed) {
  auto watch = Watch(3, true);
  watch.OnMessage(Initial("b", Record(2, "2")), all_);
  EXPECT_EQ(Broken(verdict_), kWatchFlush.name);
}

TEST_F(WatchHistoryTest, AFlushOfALaterStateIsNoticed) {
  auto watch = Watch(1, true);
  watch.OnMessage(Initial("a", Record(3, "3")), all_);
  EXPECT_EQ(Broken(verdict_), kWatchFlush.name);
}

TEST_F(WatchHistoryTest, AChangeBeforeTheEndOfTheFlushIsNoticed) {
  auto watch = Watch(3, true);
  watch.OnMessage(delete_a_, all_);
  EXPECT_EQ(Broken(verdict_), kWatchFlush.name);
}

TEST_F(WatchHistoryTest, AFlushThatEndsEarlyOrNeverIsNoticed) {
  auto early = Watch(3, true);
  early.OnMessage({}, all_);
  EXPECT_EQ(Broken(verdict_), kWatchFlush.name);
  Verdict verdict;
  WatchJudge never({"watch", "a", "y", meta::WatchRequest::ALL, true, LogIndex(3)}, reference_, verdict);
  never.OnDrained(all_);
  EXPECT_EQ(Broken(verdict), kWatchFlush.name);
}

TEST_F(WatchHistoryTest, AMarkerThatNobodyAskedForIsNoticed) {
  auto watch = Watch(3);
  watch.OnMessage({}, all_);
  EXPECT_EQ(Broken(verdict_), kWatchIsHistory.name);
}

}  // namespace
}  // namespace metasrv::sim
