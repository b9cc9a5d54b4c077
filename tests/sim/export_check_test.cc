#include "sim/export_check.h"

#include <gtest/gtest.h>

#include <utility>

#include "sim/command_maker.h"
#include "sm/mem_store.h"
#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

class Entries : public io::EntryCursor {
 public:
  explicit Entries(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  std::optional<Entry> Next() override {
    if (at_ == entries_.size()) return std::nullopt;
    return entries_[at_++];
  }

 private:
  std::vector<Entry> entries_;
  std::size_t at_ = 0;
};

// Three entries that everybody applied, and what a node may export of them.
class ExportCheckTest : public testing::Test {
 protected:
  ExportCheckTest() {
    for (std::uint64_t index = 0; index < 3; ++index) {
      pb::Command command;
      command.set_time_ms(1'700'000'000'000);
      command.mutable_upsert_kv()->set_key("k");
      command.mutable_upsert_kv()->mutable_seq()->mutable_any();
      command.mutable_upsert_kv()->mutable_value()->set_update(std::to_string(index + 1) + "|v");
      entries_.push_back(Entry::Normal(Id(1, index), command.SerializeAsString()));
      stored_.OnStored(NodeId(1), index == 0 ? std::nullopt : std::optional(Term(1)), entries_.back());
    }
    history_.AdvanceTo(entries_.back().id);
  }

  // The state after the first `count` entries.
  std::shared_ptr<const sm::Snapshot> StateAfter(std::size_t count) {
    sm::Machine machine(rows_);
    for (std::size_t i = 0; i < count; ++i) {
      const sm::LogEntry entry{.id = entries_[i].id, .command = *entries_[i].payload};
      EXPECT_TRUE(machine.Apply({&entry, 1}));
    }
    return rows_.NewSnapshot();
  }
  // The entries from `first` on, to the last one.
  std::string Check(std::size_t first, std::size_t end, std::shared_ptr<const sm::Snapshot> state) {
    node::ExportSource source;
    if (first > 0) source.purged = entries_[first - 1].id;
    source.log = std::make_unique<Entries>(std::vector<Entry>(entries_.begin() + static_cast<std::ptrdiff_t>(first),
                                                              entries_.begin() + static_cast<std::ptrdiff_t>(end)));
    source.state = std::move(state);
    CheckExport("node 1", source, history_, stored_, verdict_);
    return Broken(verdict_);
  }

  Verdict verdict_;
  LogMatching stored_{verdict_};
  History history_{stored_, TokenOf, verdict_};
  std::vector<Entry> entries_;
  sm::MemStore rows_;
};

TEST_F(ExportCheckTest, AcceptsALogThatBeginsInTheStateAndGoesOnBehindIt) { EXPECT_EQ(Check(1, 3, StateAfter(2)), ""); }

TEST_F(ExportCheckTest, NoticesALogThatLeavesOutWhatTheStateLacks) {
  EXPECT_EQ(Check(2, 3, StateAfter(1)), "an export agrees with itself");
}

TEST_F(ExportCheckTest, NoticesALogThatEndsBeforeTheState) {
  EXPECT_EQ(Check(1, 2, StateAfter(3)), "an export agrees with itself");
}

TEST_F(ExportCheckTest, NoticesAGapInTheLog) {
  entries_.insert(entries_.begin() + 1, entries_[0]);
  EXPECT_EQ(Check(0, 3, rows_.NewSnapshot()), "an export agrees with itself");
}

TEST_F(ExportCheckTest, NoticesARowThatIsNotTheHistorys) {
  static_cast<void>(StateAfter(2));
  sm::WriteBatch batch;
  batch.Put("kother", "value");
  ASSERT_TRUE(rows_.Write(std::move(batch)));
  EXPECT_EQ(Check(1, 3, rows_.NewSnapshot()), "an export agrees with itself");
}

}  // namespace
}  // namespace metasrv::sim
