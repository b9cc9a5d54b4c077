// The worked examples of kv-semantics.md §15: each row of tables/*.txt is applied by the real state machine and by the
// model.

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "sm/machine.h"
#include "sm/mem_store.h"
#include "sm/read.h"
#include "tests/sm/example.h"
#include "tests/sm/notation.h"
#include "tests/sm/scanner.h"

namespace metasrv::testing {
namespace {

// `proposed_at_ms` of what the "before" state holds; no entry of the tables has this time.
constexpr std::uint64_t kBefore = 42;

sm::Applied ApplyTo(sm::Machine& machine, const std::string& text, std::uint64_t index) {
  const EntryText entry = ParseEntry(text);
  const std::string payload = entry.command ? entry.command->SerializeAsString() : "";
  const meta::Membership membership;
  const sm::LogEntry log_entry{
      {Term(1), NodeId(1), LogIndex(index)}, payload, entry.is_membership ? &membership : nullptr};
  auto applied = machine.Apply(std::span(&log_entry, 1));
  CHECK(applied.has_value());
  return std::move(applied->front());
}

// What an entry writes carries its time; what it leaves alone keeps its own.
void ExpectProposalTimes(const SmModel& before, const SmModel& after, const std::string& entry) {
  const EntryText parsed = ParseEntry(entry);
  for (const auto& [key, record] : after.records) {
    const bool written = record.seq() > before.seq;
    EXPECT_EQ(record.meta().proposed_at_ms(), written ? parsed.command->time_ms() : kBefore) << key;
  }
}

// Items of `read` in the two worlds.
std::string Answer(const ReadText& read, const sm::Reader& state) {
  std::vector<meta::StreamItem> items;
  for (const std::string& key : read.keys) {
    const auto record = sm::GetRecord(state, key, read.now);
    meta::StreamItem& item = items.emplace_back();
    item.set_key(key);
    if (record) *item.mutable_value() = *record;
  }
  if (!read.prefix) return Print(items);
  sm::PrefixScan scan(state, *read.prefix, read.now);
  while (items.size() < read.limit) {
    auto item = scan.Next();
    if (!item) break;
    items.push_back(*std::move(item));
  }
  return Print(items);
}

std::string Answer(const ReadText& read, const SmModel& model) {
  std::vector<meta::StreamItem> items;
  for (const std::string& key : read.keys) {
    meta::StreamItem& item = items.emplace_back();
    item.set_key(key);
    if (const auto record = model.Get(key, read.now.value())) *item.mutable_value() = *record;
  }
  if (read.prefix) items = model.List(*read.prefix, read.now.value());
  if (read.prefix && items.size() > read.limit) items.resize(read.limit);
  return Print(items);
}

void RunOnMachine(const Example& example) {
  sm::MemStore store;
  const SmModel before = ParseState(example.before, kBefore);
  ASSERT_TRUE(store.Write(RowsOf(before)));
  const auto view = store.NewSnapshot();
  sm::Machine machine(store);
  sm::Applied applied;
  for (std::size_t i = 0; i < example.entries.size(); ++i) applied = ApplyTo(machine, example.entries[i], i);
  if (!example.read.empty()) {
    EXPECT_EQ(Answer(ParseRead(example.read), *view), example.result);
  }
  if (example.entries.empty()) return;
  const SmModel after = StateOf(store);
  EXPECT_EQ(Print(applied.reply), example.reply);
  EXPECT_EQ(Print(after), Print(ParseState(example.after, kBefore)));
  EXPECT_EQ(Print(applied.changes), example.events);
  ExpectProposalTimes(before, after, example.entries.back());
}

void RunOnModel(const Example& example) {
  SmModel model = ParseState(example.before, kBefore);
  if (!example.read.empty()) {
    EXPECT_EQ(Answer(ParseRead(example.read), model), example.result);
  }
  if (example.entries.empty()) return;
  SmModel::Outcome outcome;
  for (const std::string& text : example.entries) {
    const EntryText entry = ParseEntry(text);
    if (entry.command) outcome = model.Apply(*entry.command);
  }
  EXPECT_EQ(Print(outcome.reply), example.reply);
  EXPECT_EQ(Print(model), Print(ParseState(example.after, kBefore)));
  EXPECT_EQ(Print(outcome.changes), example.events);
}

void RunTable(const std::string& name, std::size_t row_count) {
  const std::vector<Example> examples = LoadTable(name);
  EXPECT_EQ(examples.size(), row_count);
  for (const Example& example : examples) {
    SCOPED_TRACE(example.title);
    RunOnMachine(example);
    RunOnModel(example);
  }
}

TEST(WorkedExamples, UpsertMatchesReplacesAndCountsAsInGroupA) { RunTable("upsert.txt", 19); }
TEST(WorkedExamples, RecordsExpireAsInGroupB) { RunTable("expiry.txt", 21); }
TEST(WorkedExamples, TransactionsChooseTheirBranchAsInGroupC) { RunTable("conditions.txt", 22); }
TEST(WorkedExamples, OperationsAnswerAsInGroupD) { RunTable("operations.txt", 36); }
TEST(WorkedExamples, KvTransactionsRunTheirFirstTrueBranchAsInGroupE) { RunTable("kv_transaction.txt", 10); }
TEST(WorkedExamples, ReadsAnswerAsInGroupF) { RunTable("reads.txt", 17); }
TEST(WorkedExamples, NodesAndFeaturesChangeAsInGroupG) { RunTable("cluster.txt", 12); }

// Group H, rows 137 to 147, is about watches: tests/node/watch_test.cc.
TEST(WorkedExamples, EveryRowOfTheGroupsAToGIsInATable) {
  std::set<int> ids;
  std::set<int> expected;
  for (const char* name : {"upsert.txt", "expiry.txt", "conditions.txt", "operations.txt", "kv_transaction.txt",
                           "reads.txt", "cluster.txt"}) {
    for (const Example& example : LoadTable(name)) ids.insert(example.Id());
  }
  for (int id = 1; id <= 136; ++id) expected.insert(id);
  EXPECT_EQ(ids, expected);
}

}  // namespace
}  // namespace metasrv::testing
