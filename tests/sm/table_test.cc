// The worked examples of kv-semantics.md §15: each row of tables/*.txt is applied by the real state machine and by the
// model.

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "sm/machine.h"
#include "sm/mem_store.h"
#include "tests/sm/notation.h"
#include "tests/sm/scanner.h"

namespace metasrv::testing {
namespace {

// `proposed_at_ms` of what the "before" state holds; no entry of the tables has this time.
constexpr std::uint64_t kBefore = 42;

struct Example {
  std::string title;
  std::string before;
  std::vector<std::string> entries;  // reply and events are those of the last one
  std::string reply;
  std::string after;
  std::string events;
};

std::vector<Example> LoadTable(const std::string& name) {
  std::ifstream file(std::string(METASRV_SOURCE_DIR) + "/tests/sm/tables/" + name);
  CHECK(file.is_open());
  std::vector<Example> examples;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line.starts_with("#")) continue;
    if (line.starts_with("[")) {
      examples.emplace_back().title = line;
      continue;
    }
    const std::size_t colon = line.find(':');
    const std::string field = line.substr(0, colon);
    const std::string text = line.substr(line.find_first_not_of(' ', colon + 1));
    Example& example = examples.back();
    if (field == "before") example.before = text;
    if (field == "first" || field == "entry") example.entries.push_back(text);
    if (field == "reply") example.reply = text;
    if (field == "after") example.after = text == "(unchanged)" ? example.before : text;
    if (field == "events") example.events = text;
  }
  return examples;
}

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

void RunOnMachine(const Example& example) {
  sm::MemStore store;
  const SmModel before = ParseState(example.before, kBefore);
  ASSERT_TRUE(store.Write(RowsOf(before)));
  sm::Machine machine(store);
  sm::Applied applied;
  for (std::size_t i = 0; i < example.entries.size(); ++i) applied = ApplyTo(machine, example.entries[i], i);
  const SmModel after = StateOf(store);
  EXPECT_EQ(Print(applied.reply), example.reply);
  EXPECT_EQ(Print(after), Print(ParseState(example.after, kBefore)));
  EXPECT_EQ(Print(applied.changes), example.events);
  ExpectProposalTimes(before, after, example.entries.back());
}

void RunOnModel(const Example& example) {
  SmModel model = ParseState(example.before, kBefore);
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
TEST(WorkedExamples, NodesAndFeaturesChangeAsInGroupG) { RunTable("cluster.txt", 12); }

}  // namespace
}  // namespace metasrv::testing
