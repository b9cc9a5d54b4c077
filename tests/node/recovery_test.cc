#include "node/recovery.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "log.pb.h"

namespace metasrv::node {
namespace {

LogId Id(std::uint64_t term, std::uint64_t index) { return {Term(term), NodeId(1), LogIndex(index)}; }

std::vector<Entry> Log(std::uint64_t term, std::uint64_t first, std::uint64_t last) {
  std::vector<Entry> entries;
  for (std::uint64_t index = first; index <= last; ++index) entries.push_back(Entry::Blank(Id(term, index)));
  return entries;
}

SnapshotMeta State(std::optional<LogId> last) { return {last, std::nullopt, UniformMembership({NodeId(1)})}; }

io::LogContents Contents(std::optional<LogId> purged, std::vector<Entry> entries) {
  io::LogContents contents;
  contents.purged = purged;
  contents.entries = std::move(entries);
  return contents;
}

// As if the log were read back entry by entry, with at most `cached` of them in memory.
std::expected<RecoveredDisk, io::Error> Recover(io::LogContents contents, const SnapshotMeta& state,
                                                std::size_t cached = 100) {
  StoredLog log(state, {.bytes_max = SIZE_MAX, .items_max = cached}, [](const Entry&) {});
  for (Entry& entry : contents.entries) log.Add(std::move(entry));
  contents.entries.clear();
  return node::Recover(contents, std::move(log), state);
}

struct Row {
  const char* name;
  std::optional<LogId> purged;
  std::vector<Entry> log;
  std::optional<LogId> state;
  // Expected.
  bool corrupt = false;
  std::optional<LogId> recovered_purged;
  std::size_t entries = 0;
  bool repair = false;
};

std::vector<Row> Table() {
  const auto none = std::nullopt;
  return {
      {"an empty disk", none, {}, none, false, none, 0, false},
      {"a log that was never applied", none, Log(1, 0, 4), none, false, none, 5, false},
      {"a state in the middle of the log", none, Log(1, 0, 4), Id(1, 2), false, none, 5, false},
      {"a state at the end of the log", none, Log(1, 0, 4), Id(1, 4), false, none, 5, false},
      {"a purged log with a newer state", Id(1, 9), Log(1, 10, 14), Id(1, 12), false, Id(1, 9), 5, false},
      {"a state that ends where the log was purged", Id(1, 9), Log(1, 10, 14), Id(1, 9), false, Id(1, 9), 5, false},
      {"a log without entries behind the purged one", Id(1, 9), {}, Id(1, 9), false, Id(1, 9), 0, false},
      {"a state beyond the log", none, Log(1, 0, 4), Id(2, 9), false, Id(2, 9), 0, true},
      {"a state beyond an empty, purged log", Id(1, 3), {}, Id(2, 9), false, Id(2, 9), 0, true},
      {"a state whose entry the log has otherwise", none, Log(1, 0, 4), Id(2, 3), false, Id(2, 3), 0, true},
      {"an import without log entries", none, {}, Id(3, 40), false, Id(3, 40), 0, false},
      {"an import whose log follows the state", none, Log(3, 41, 42), Id(3, 40), false, Id(3, 40), 2, false},
      {"an import whose log begins inside the state", none, Log(3, 2, 6), Id(3, 4), false, Id(3, 1), 5, false},
      {"an import whose log begins beyond the state", none, Log(3, 9, 10), Id(3, 4), true, none, 0, false},
      {"a log that begins late without any state", none, Log(3, 2, 6), none, true, none, 0, false},
      {"a purged log without a state", Id(1, 9), Log(1, 10, 14), none, true, none, 0, false},
      {"a state behind the purged log", Id(1, 9), Log(1, 10, 14), Id(1, 5), true, none, 0, false},
      {"a hole in the log", Id(1, 9), Log(1, 11, 14), Id(1, 9), true, none, 0, false},
  };
}

TEST(Recovery, FollowsTheTable) {
  for (Row& row : Table()) {
    SCOPED_TRACE(row.name);
    const auto disk = Recover(Contents(row.purged, row.log), State(row.state));
    ASSERT_EQ(disk.has_value(), !row.corrupt) << (disk ? "" : disk.error().detail);
    if (row.corrupt) {
      EXPECT_EQ(disk.error().kind, io::ErrorKind::kCorrupt);
      continue;
    }
    const metasrv::Log& log = disk->recovered.log;
    EXPECT_EQ(log.purged(), row.recovered_purged);
    EXPECT_EQ(log.end().value() - log.begin().value(), row.entries);
    EXPECT_EQ(disk->repair.has_value(), row.repair);
    EXPECT_EQ(disk->recovered.state.last, row.state);
    if (row.repair) {
      EXPECT_EQ(disk->repair->reset_to, row.state);
    }
    if (log.purged()) {
      EXPECT_EQ(log.begin(), log.purged()->index.Next());
    }
  }
}

TEST(Recovery, TakesTheLatestTimeFromTheLog) {
  pb::Command command;
  command.set_time_ms(55);
  auto entries = Log(1, 0, 0);
  entries.push_back(Entry::Normal(Id(1, 1), command.SerializeAsString()));
  entries.push_back(Entry::Blank(Id(1, 2)));
  const auto disk = Recover(Contents(std::nullopt, entries), State(std::nullopt));
  ASSERT_TRUE(disk);
  EXPECT_EQ(disk->log_time, 55);
}

TEST(Recovery, KeepsOnlyTheNewestEntriesInMemoryAndWhatTheStateDoesNotContainKnown) {
  std::vector<Entry> entries = Log(1, 0, 1);
  for (std::uint64_t i = 2; i < 6; ++i)
    entries.push_back(Entry::OfMembership(Id(2, i), UniformMembership({NodeId(i)})));
  entries.push_back(Entry::Blank(Id(3, 6)));
  std::vector<LogIndex> unapplied;
  const SnapshotMeta state = State(Id(2, 3));
  StoredLog log(state, {.bytes_max = SIZE_MAX, .items_max = 2},
                [&unapplied](const Entry& entry) { unapplied.push_back(entry.id.index); });
  for (const Entry& entry : entries) log.Add(entry);
  const auto disk = node::Recover(io::LogContents{}, std::move(log), state);
  ASSERT_TRUE(disk);
  EXPECT_EQ(disk->recovered.log.cached_begin(), LogIndex(5));
  EXPECT_EQ(disk->recovered.log.end(), LogIndex(7));
  EXPECT_EQ(disk->recovered.log.IdAt(LogIndex(0)), Id(1, 0));
  EXPECT_EQ(disk->recovered.memberships, (std::vector<Entry>{entries[4], entries[5]}));
  EXPECT_EQ(unapplied, (std::vector<LogIndex>{LogIndex(4), LogIndex(5), LogIndex(6)}));
}

TEST(Recovery, KeepsTheHardState) {
  io::LogContents contents = Contents(std::nullopt, Log(1, 0, 1));
  contents.hard_state = HardState{Term(4), NodeId(2), true};
  const auto disk = Recover(contents, State(std::nullopt));
  ASSERT_TRUE(disk);
  EXPECT_EQ(disk->recovered.hard_state, *contents.hard_state);
}

TEST(Recovery, AnImportedEmptyLogIsToldItsStartWithItsFirstEntries) {
  const auto disk = Recover(Contents(std::nullopt, {}), State(Id(3, 40)));
  ASSERT_TRUE(disk);
  EXPECT_FALSE(disk->repair);
  EXPECT_EQ(disk->reset_later, Id(3, 40));
}

TEST(Recovery, ATermThatOnlyAnEntryOrTheStateTellsOfComesWithoutAVote) {
  for (const bool in_log : {true, false}) {
    io::LogContents contents = Contents(std::nullopt, in_log ? Log(5, 0, 1) : std::vector<Entry>{});
    contents.hard_state = HardState{Term(4), NodeId(2), true};
    const auto disk = Recover(contents, State(in_log ? std::nullopt : std::optional(Id(5, 7))));
    ASSERT_TRUE(disk);
    EXPECT_EQ(disk->recovered.hard_state, (HardState{Term(5), std::nullopt, false}));
  }
}

}  // namespace
}  // namespace metasrv::node
