// What watchers of a node are told (grpc-api.md §7, kv-semantics.md §11 and the worked examples 137 to 147).
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/watch_queue.h"
#include "sm/read.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::NodeWorld;

constexpr std::uint64_t kT0 = 1'700'001'000'000;  // later than anything before

std::string Side(bool present, const meta::SeqV& record) {
  return present ? "#" + std::to_string(record.seq()) + "=" + record.data() : "-";
}

std::string Text(const SharedWatchMessage& message) {
  meta::WatchResponse response;
  EXPECT_TRUE(response.ParseFromString(message->bytes()));
  if (!response.has_event()) return response.is_initialization() ? "?" : "marker";
  const meta::Event& event = response.event();
  return (response.is_initialization() ? "init " : "") + event.key() + ": " + Side(event.has_prev(), event.prev()) +
         " -> " + Side(event.has_current(), event.current());
}

// Takes everything at once, unless told not to.
class Collector final : public Watcher {
 public:
  [[nodiscard]] bool Push(const SharedWatchMessage& message) override {
    if (!queue.Push(message)) return false;
    if (!stalled) Take();
    return true;
  }
  void End(WatchEnd reason) override { queue.End(reason); }
  [[nodiscard]] std::size_t backlog() const override { return queue.bytes(); }

  void Take() {
    while (auto message = queue.Pop()) seen.push_back(Text(message));
  }

  WatchQueue queue;
  std::vector<std::string> seen;
  bool stalled = false;
  std::optional<WatchStart> start;
};

using Texts = std::vector<std::string>;

class WatchTest : public testing::Test {
 protected:
  void Start(std::uint64_t size = 1) { world_.GrowTo(size); }
  void StartWith(const WatchLimits& limits) {
    auto& machine = world_.Add(1);
    machine.options.single = true;
    machine.options.watch = limits;
    world_.Start(1);
    world_.AwaitLeader();
  }

  static meta::WatchRequest Range(const std::string& key, const std::string& key_end,
                                  meta::WatchRequest::FilterType filter = meta::WatchRequest::ALL) {
    meta::WatchRequest request;
    request.set_key(key);
    request.set_key_end(key_end);
    request.set_filter_type(filter);
    return request;
  }
  static meta::WatchRequest Key(const std::string& key,
                                meta::WatchRequest::FilterType filter = meta::WatchRequest::ALL) {
    meta::WatchRequest request;
    request.set_key(key);
    request.set_filter_type(filter);
    return request;
  }

  std::shared_ptr<Collector> Watch(const meta::WatchRequest& request, std::uint64_t node = 1) {
    auto collector = std::make_shared<Collector>();
    auto started = world_.node(node).Watch(ToWatchSpec(request), collector);
    EXPECT_TRUE(started);
    collector->queue.SetLimit(started->buffer_bytes);
    collector->start = std::move(*started);
    return collector;
  }
  static Texts Flush(const Collector& collector, const meta::WatchRequest& request) {
    WatchFlush flush(collector.start->state, ToWatchSpec(request).range);
    Texts texts;
    for (bool ended = false; !ended;) {
      auto step = flush.Next();
      texts.push_back(Text(step.message));
      ended = step.is_marker;
    }
    return texts;
  }

  WriteResult Do(pb::Command command, std::uint64_t via = 1) {
    std::optional<WriteResult> answer;
    world_.loop.Post(
        [&] { world_.node(via).Write(std::move(command), [&](WriteResult result) { answer = std::move(result); }); });
    EXPECT_TRUE(world_.RunUntil([&] { return answer.has_value(); }));
    EXPECT_EQ(answer->status, WriteStatus::kApplied);
    return *answer;
  }
  void Put(const std::string& key, const std::string& value, std::optional<std::uint64_t> expire_at_ms = {}) {
    pb::Command command;
    auto& put = *command.mutable_transaction()->add_if_then()->mutable_put();
    put.set_key(key);
    put.set_value(value);
    if (expire_at_ms) put.set_expire_at(*expire_at_ms);
    Do(std::move(command));
  }
  void Delete(const std::string& key) {
    pb::Command command;
    command.mutable_transaction()->add_if_then()->mutable_delete_()->set_key(key);
    Do(std::move(command));
  }
  void Touch() {
    pb::Command command;
    command.mutable_transaction();
    Do(std::move(command));
  }

  NodeWorld world_;
};

TEST_F(WatchTest, AWatchOfOneKeyGetsItsChangesOnly) {
  Start();
  const auto watch = Watch(Key("a"));
  Put("a", "1");
  Put("aa", "2");
  Put("a", "1");  // the same bytes are a change
  EXPECT_EQ(watch->seen, (Texts{"a: - -> #1=1", "a: #1=1 -> #3=1"}));
}

TEST_F(WatchTest, TheEndOfARangeIsExclusive) {
  Start();
  const auto watch = Watch(Range("a", "z"));
  Put("a", "a");
  Put("z", "z");
  Put("b", "b");
  Put("b", "new");
  Delete("b");
  EXPECT_EQ(watch->seen, (Texts{"a: - -> #1=a", "b: - -> #3=b", "b: #3=b -> #4=new", "b: #4=new -> -"}));
}

TEST_F(WatchTest, FiltersTellUpdatesFromDeletions) {
  Start();
  const auto deletions = Watch(Key("1", meta::WatchRequest::DELETE));
  const auto updates = Watch(Key("1", meta::WatchRequest::UPDATE));
  const auto unknown = Watch(Key("1", static_cast<meta::WatchRequest::FilterType>(77)));
  Put("1", "old");
  Delete("1");
  Put("1", "new");
  EXPECT_EQ(deletions->seen, (Texts{"1: #1=old -> -"}));
  EXPECT_EQ(updates->seen, (Texts{"1: - -> #1=old", "1: - -> #2=new"}));
  EXPECT_EQ(unknown->seen.size(), 3U);
}

TEST_F(WatchTest, WhatChangesNothingIsNoEvent) {
  Start();
  Put("a", "1");
  const auto watch = Watch(Range("", "~"));
  Delete("absent");
  Touch();
  Put("b", "expired on arrival", 1'600'000'000'000);
  pb::Command mismatch;
  auto& upsert = *mismatch.mutable_upsert_kv();
  upsert.set_key("a");
  upsert.mutable_seq()->set_exact(99);
  upsert.mutable_value()->set_update("2");
  Do(mismatch);
  EXPECT_EQ(watch->seen, Texts());
}

TEST_F(WatchTest, TheFlushHasEverythingThatWasThereWhateverTheFilter) {
  Start();
  Put("a", "1");
  Put("b", "2");
  Put("z", "3");
  const auto request = Range("a", "e", meta::WatchRequest::DELETE);
  const auto watch = Watch(request);
  Put("a", "x");
  Delete("b");
  EXPECT_EQ(Flush(*watch, request), (Texts{"init a: - -> #1=1", "init b: - -> #2=2", "marker"}));
  EXPECT_EQ(watch->seen, (Texts{"b: #2=2 -> -"}));
}

TEST_F(WatchTest, TheFlushOfAnEmptyRangeIsItsMarker) {
  Start();
  Put("a", "1");
  const auto request = Range("x", "y");
  EXPECT_EQ(Flush(*Watch(request), request), (Texts{"marker"}));
}

TEST_F(WatchTest, ExpiredRecordsAreFlushedAndDeletedByTheNextEntry) {
  Start();
  world_.loop.SetWall(kT0);
  Put("a", "1", kT0 + 10);
  world_.loop.SetWall(kT0 + 20'000);
  const auto request = Range("a", "e");
  const auto watch = Watch(request);
  EXPECT_EQ(Flush(*watch, request), (Texts{"init a: - -> #1=1", "marker"}));
  Touch();
  EXPECT_EQ(watch->seen, (Texts{"a: #1=1 -> -"}));
}

TEST_F(WatchTest, ExpiryComesBeforeTheChangesOfTheEntryAndEachDeletedKeyOnce) {
  Start();
  world_.loop.SetWall(kT0);
  Put("w_b1", "1", kT0 + 30);
  Put("w_b2", "2", kT0 + 10);
  Put("w_b3a", "3", kT0 + 20);
  Put("w_b3b", "4");
  world_.loop.SetWall(kT0 + 60'000);
  const auto watch = Watch(Range("w_", "w`"));
  pb::Command command;
  auto& txn = *command.mutable_transaction();
  auto& put = *txn.add_if_then()->mutable_put();
  put.set_key("w_b1");
  put.set_value("o");
  txn.add_if_then()->mutable_delete_()->set_key("w_b2");
  txn.add_if_then()->mutable_delete_by_prefix()->set_prefix("w_b3");
  Do(command);
  EXPECT_EQ(watch->seen,
            (Texts{"w_b2: #2=2 -> -", "w_b3a: #3=3 -> -", "w_b1: #1=1 -> -", "w_b1: - -> #5=o", "w_b3b: #4=4 -> -"}));
}

TEST_F(WatchTest, EveryNodeTellsItsWatchers) {
  Start(3);
  std::vector<std::shared_ptr<Collector>> watches;
  for (const std::uint64_t node : {1, 2, 3}) watches.push_back(Watch(Key("a"), node));
  Put("a", "1");
  EXPECT_TRUE(world_.RunUntil([&] {
    return std::ranges::all_of(watches, [](const auto& watch) { return watch->seen == Texts{"a: - -> #1=1"}; });
  }));
}

TEST_F(WatchTest, AnEventComesAfterItsChangeIsReadable) {
  class Reader final : public Watcher {
   public:
    explicit Reader(Node& node) : node_(node) {}
    [[nodiscard]] bool Push(const SharedWatchMessage&) override {
      read = sm::GetRecord(*node_.LocalState(), "a", WallMillis(0)).has_value();
      return true;
    }
    void End(WatchEnd) override {}
    [[nodiscard]] std::size_t backlog() const override { return 0; }
    std::optional<bool> read;

   private:
    Node& node_;
  };
  Start();
  const auto reader = std::make_shared<Reader>(world_.node(1));
  ASSERT_TRUE(world_.node(1).Watch(ToWatchSpec(Key("a")), reader));
  Put("a", "1");
  EXPECT_EQ(reader->read, true);
}

TEST_F(WatchTest, AWatchThatBeginsInTheMiddleOfABatchGetsNothingTwice) {
  Start();
  std::shared_ptr<Collector> watch;
  const auto request = Range("a", "z");
  int answered = 0;
  world_.loop.Post([&] {
    for (const char* key : {"a", "b", "c"}) {
      world_.node(1).Write(test::PutCommand(key, "1"), [&](const WriteResult&) {
        ++answered;
        if (!watch) watch = Watch(request);
      });
    }
  });
  ASSERT_TRUE(world_.RunUntil([&] { return answered == 3; }));
  Texts all = Flush(*watch, request);
  all.insert(all.end(), watch->seen.begin(), watch->seen.end());
  EXPECT_EQ(std::ranges::count_if(all, [](const std::string& text) { return text.contains("b: "); }), 1);
  EXPECT_EQ(std::ranges::count_if(all, [](const std::string& text) { return text.contains("c: "); }), 1);
}

TEST_F(WatchTest, OneThatCannotKeepUpIsEndedAndNobodyElseNotices) {
  WatchLimits limits;
  limits.buffer_bytes = 1000;
  StartWith(limits);
  const auto slow = Watch(Key("a"));
  slow->stalled = true;
  const auto quick = Watch(Key("a"));
  for (int i = 0; i < 20; ++i) Put("a", std::string(100, 'x'));
  EXPECT_EQ(slow->queue.end(), WatchEnd::kTooSlow);
  EXPECT_TRUE(slow->queue.empty());
  EXPECT_EQ(quick->seen.size(), 20U);
  EXPECT_FALSE(quick->queue.end());
  EXPECT_EQ(world_.node(1).status().watches.open, 1U);
  EXPECT_EQ(world_.node(1).status().watches.ended_too_slow, 1U);
}

TEST_F(WatchTest, AMessageLargerThanTheBufferIsNoReasonToEnd) {
  WatchLimits limits;
  limits.buffer_bytes = 10;
  StartWith(limits);
  const auto watch = Watch(Key("a"));
  Put("a", std::string(1000, 'x'));
  EXPECT_EQ(watch->seen.size(), 1U);
}

TEST_F(WatchTest, WhenAllTogetherHoldTooMuchTheOneWithTheMostIsEnded) {
  WatchLimits limits;
  limits.memory_bytes = 5000;
  StartWith(limits);
  const auto large = Watch(Range("a", "c"));
  const auto small = Watch(Key("b"));
  large->stalled = small->stalled = true;
  Put("b", "small");
  for (int i = 0; i < 5; ++i) Put("a", std::string(1000, 'x'));
  EXPECT_EQ(large->queue.end(), WatchEnd::kNoMemory);
  EXPECT_FALSE(small->queue.end());
  small->Take();
  EXPECT_EQ(small->seen, (Texts{"b: - -> #1=small"}));
  EXPECT_EQ(world_.node(1).status().watches.waiting_bytes, 0U);
}

TEST_F(WatchTest, TheNumberOfWatchesHasALimit) {
  WatchLimits limits;
  limits.watches_max = 1;
  StartWith(limits);
  const auto first = Watch(Key("a"));
  EXPECT_EQ(world_.node(1).Watch(ToWatchSpec(Key("a")), std::make_shared<Collector>()).error(), WatchRefusal::kTooMany);
  world_.node(1).Unwatch(first->start->id);
  EXPECT_TRUE(world_.node(1).Watch(ToWatchSpec(Key("a")), std::make_shared<Collector>()));
}

TEST_F(WatchTest, AnOperatorCanSwitchWatchesOff) {
  WatchLimits limits;
  limits.on = false;
  StartWith(limits);
  EXPECT_EQ(world_.node(1).Watch(ToWatchSpec(Key("a")), std::make_shared<Collector>()).error(), WatchRefusal::kOff);
}

TEST_F(WatchTest, ForgottenWatchesAreToldNothing) {
  Start();
  const auto watch = Watch(Key("a"));
  world_.node(1).Unwatch(watch->start->id);
  world_.node(1).Unwatch(watch->start->id);
  Put("a", "1");
  EXPECT_EQ(watch->seen, Texts());
  EXPECT_FALSE(watch->queue.end());
}

TEST_F(WatchTest, AStopEndsWatchesAndLetsNoneBegin) {
  Start();
  const auto watch = Watch(Key("a"));
  world_.node(1).StopWatches();
  EXPECT_EQ(watch->queue.end(), WatchEnd::kStopped);
  EXPECT_EQ(world_.node(1).Watch(ToWatchSpec(Key("a")), std::make_shared<Collector>()).error(), WatchRefusal::kStopped);
}

TEST_F(WatchTest, AnInstalledSnapshotEndsWatchesInsteadOfLeavingAGap) {
  for (std::uint64_t id = 1; id <= 2; ++id) {
    auto& options = world_.Add(id).options;
    options.snapshot_logs_since_last = 20;
    options.max_applied_log_to_keep = 0;
    options.keep_for_peers_bytes = 0;
    options.single = id == 1;
    if (id == 2) options.join = {world_[1].endpoint};
    if (id == 2) options.learner = true;
    world_.Start(id);
    ASSERT_TRUE(world_.RunUntil([&] { return world_[id].started.has_value(); }));
  }
  world_.loop.RunFor(Duration::Seconds(1));
  const auto watch = Watch(Range("a", "z"), 2);
  Put("a", "1");
  ASSERT_TRUE(world_.RunUntil([&] { return watch->seen.size() == 1; }));
  world_.network.cut_off.insert(world_[2].endpoint);
  for (int i = 0; i < 50; ++i) Put("a", "2");
  world_.loop.RunFor(Duration::Seconds(3));
  for (int i = 0; i < 50; ++i) Put("a", "2");
  ASSERT_GT(world_.node(1).status().raft.purged->index, world_.node(2).status().last_applied->index);
  world_.network.cut_off.clear();
  ASSERT_TRUE(world_.RunUntil([&] { return watch->queue.end().has_value(); }));
  EXPECT_EQ(watch->queue.end(), WatchEnd::kStateReplaced);
  EXPECT_EQ(watch->seen.size(), 1U);
  const auto request = Range("a", "z");
  EXPECT_TRUE(Flush(*Watch(request, 2), request).front().starts_with("init a: "));
}

}  // namespace
}  // namespace metasrv::node
