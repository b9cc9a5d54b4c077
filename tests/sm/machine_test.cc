#include "sm/machine.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "sm/layout.h"
#include "sm/mem_store.h"
#include "sm/operations.h"
#include "sm/read.h"
#include "sm/row_codec.h"
#include "sm/txn_convert.h"
#include "tests/sm/notation.h"
#include "tests/sm/scanner.h"

namespace metasrv::testing {
namespace {

// Applies texts of the table notation as consecutive entries.
class Driver {
 public:
  explicit Driver(sm::Store& store) : machine(store) {}

  std::vector<sm::Applied> Apply(const std::vector<std::string>& texts) {
    std::vector<std::string> payloads;
    std::vector<sm::LogEntry> entries;
    for (const std::string& text : texts) payloads.push_back(ParseEntry(text).command->SerializeAsString());
    for (const std::string& payload : payloads) entries.push_back({Next(), payload, nullptr});
    auto applied = machine.Apply(entries);
    CHECK(applied.has_value());
    return std::move(*applied);
  }
  LogId Next() { return {Term(1), NodeId(1), LogIndex(next_++)}; }

  sm::Machine machine;

 private:
  std::uint64_t next_ = 5;
};

class BrokenStore : public sm::MemStore {
 public:
  bool Write(sm::WriteBatch) override { return false; }
};

TEST(Machine, RemembersWhatItAppliedAcrossARestart) {
  sm::MemStore store;
  Driver driver(store);
  EXPECT_FALSE(driver.machine.last_applied().has_value());
  driver.Apply({"T0: UpsertKV k Any Update \"v\""});
  meta::Membership membership;
  membership.add_nodes(3);
  const sm::LogEntry entry{driver.Next(), {}, &membership};
  ASSERT_TRUE(driver.machine.Apply(std::span(&entry, 1)).has_value());
  const sm::Machine restarted(store);
  EXPECT_EQ(restarted.last_applied(), entry.id);
  EXPECT_EQ(restarted.last_seq(), Seq(1));
  EXPECT_EQ(restarted.last_membership().membership().nodes(0), 3U);
  EXPECT_EQ(sm::FromProto(restarted.last_membership().log_id()), entry.id);
  EXPECT_EQ(restarted.last_membership().SerializeAsString(), driver.machine.last_membership().SerializeAsString());
}

TEST(Machine, ReadsItsScalarsAgainAfterAnInstall) {
  sm::MemStore store;
  Driver driver(store);
  driver.Apply({"T0: UpsertKV k Any Update \"v\""});
  sm::MemStore other;
  Driver leader(other);
  leader.Apply({"T0: UpsertKV a Any Update \"1\" ttl 5", "T0: UpsertKV b Any Update \"2\""});
  auto installer = store.NewInstaller();
  std::vector<sm::Row> rows;
  for (auto all = other.Scan("", ""); all->Valid(); all->Next()) rows.emplace_back(all->key(), all->value());
  installer->Add(std::move(rows));
  installer->Commit([](bool ok) { EXPECT_TRUE(ok); });
  driver.machine.Reload();
  EXPECT_EQ(driver.machine.last_applied(), leader.machine.last_applied());
  EXPECT_EQ(driver.machine.last_seq(), Seq(2));
  driver.Next();
  EXPECT_EQ(Print(driver.Apply({"T0+6: Txn"}).front().changes), "a: #1=\"1\"^T0+5→∅");
}

TEST(Machine, AnEmptySpanChangesNothing) {
  sm::MemStore store;
  sm::Machine machine(store);
  EXPECT_TRUE(machine.Apply({})->empty());
  EXPECT_TRUE(store.rows().empty());
}

TEST(Machine, ReportsAFailedWrite) {
  BrokenStore store;
  sm::Machine machine(store);
  const sm::LogEntry blank{{Term(1), NodeId(1), LogIndex(0)}, {}, nullptr};
  EXPECT_FALSE(machine.Apply(std::span(&blank, 1)).has_value());
}

TEST(MachineDeathTest, RefusesAGapInTheLog) {
  sm::MemStore store;
  sm::Machine machine(store);
  const sm::LogEntry first{{Term(1), NodeId(1), LogIndex(0)}, {}, nullptr};
  const sm::LogEntry third{{Term(1), NodeId(1), LogIndex(2)}, {}, nullptr};
  ASSERT_TRUE(machine.Apply(std::span(&first, 1)).has_value());
  EXPECT_DEATH((void)machine.Apply(std::span(&third, 1)), "index");
}

TEST(MachineDeathTest, RefusesAPayloadThatIsNoCommand) {
  sm::MemStore store;
  sm::Machine machine(store);
  const sm::LogEntry garbage{{Term(1), NodeId(1), LogIndex(0)}, "\xff\xff", nullptr};
  EXPECT_DEATH((void)machine.Apply(std::span(&garbage, 1)), "ParseCommand");
}

TEST(Machine, ACommandWithoutTimeSweepsNothingAndWritesTimeZero) {
  sm::MemStore store;
  ASSERT_TRUE(store.Write(RowsOf(ParseState("S=1; old#1=\"x\"^1", 7))));
  sm::Machine machine(store);
  pb::Command command = *ParseEntry("T0: UpsertKV k Any Update \"v\" expire_at 0").command;
  command.clear_time_ms();
  const std::string payload = command.SerializeAsString();
  const sm::LogEntry entry{{Term(1), NodeId(1), LogIndex(0)}, payload, nullptr};
  const auto applied = machine.Apply(std::span(&entry, 1));
  EXPECT_EQ(Print(applied->front().reply), "prev ∅, result #2=\"v\"^0");
  EXPECT_TRUE(applied->front().reply.kv().result().meta().has_proposed_at_ms());
  EXPECT_EQ(applied->front().reply.kv().result().meta().proposed_at_ms(), 0U);
  EXPECT_EQ(Print(StateOf(store)), "S=2; k#2=\"v\"^0, old#1=\"x\"^1");
}

TEST(Machine, EntriesOfABatchSeeEarlierOnes) {
  sm::MemStore store;
  Driver driver(store);
  const auto applied = driver.Apply({
      "T0: UpsertKV p/a Any Update \"1\" ttl 10",
      "T0+5: Txn then [put p/b \"2\" ttl_ms 1, put_sequential \"p/\" \"n\" \"x\"]",
      "T0+7: Txn condition [p/ keys_with_prefix EQ 2] then [delete_by_prefix \"p/\"] else [get p/a]",
      "T0+11: Txn condition [p/ keys_with_prefix EQ 0] then [put p/c \"3\"] else [get p/a]",
  });
  EXPECT_EQ(Print(applied[2].changes),
            "p/b: #2=\"2\"^T0+6→∅; p/000_000_000_000_000_000_000: #4=\"x\"→∅; "
            "p/a: #1=\"1\"^T0+10→∅");
  EXPECT_EQ(Print(applied[3].changes), "p/c: ∅→#5=\"3\"");
  EXPECT_EQ(Print(StateOf(store)), "S=5; n#3=\"1\", p/c#5=\"3\"");
}

// A backup may bring index rows that no record stands behind; see export-format.md on import.
TEST(Sweep, RemovesAnIndexRowThatDoesNotNameALiveExpiry) {
  sm::MemStore store;
  sm::WriteBatch rows = RowsOf(ParseState("S=9; a#3=\"1\"^T0+5, b#4=\"2\", c#5=\"3\"^T0+5", 7));
  const auto add_row = [&](std::uint64_t time_ms, std::uint64_t seq, const std::string& key) {
    pb::ExpireValue value;
    value.set_seq(1);
    value.set_key(key);
    rows.Put(sm::ExpireRow(time_ms, seq), value.SerializeAsString());
  };
  add_row(kT0 + 1, 3, "a");     // not the record's time
  add_row(kT0 + 1, 2, "a");     // not the record's seq
  add_row(kT0 + 1, 4, "b");     // the record never expires
  add_row(kT0 + 1, 8, "gone");  // no record
  ASSERT_TRUE(store.Write(std::move(rows)));
  Driver driver(store);
  EXPECT_EQ(Print(driver.Apply({"T0+3: Txn"}).front().changes), "none");
  EXPECT_EQ(Print(StateOf(store)), "S=9; a#3=\"1\"^T0+5, b#4=\"2\", c#5=\"3\"^T0+5");
  EXPECT_EQ(Print(driver.Apply({"T0+6: Txn"}).front().changes), "a: #3=\"1\"^T0+5→∅; c: #5=\"3\"^T0+5→∅");
}

// Nor does a backup promise that its sequence is ahead of such rows.
TEST(Sweep, ANewRecordTakesOverALeftoverIndexRow) {
  const auto start = [] {
    sm::MemStore store;
    sm::WriteBatch rows = RowsOf(ParseState("S=9; (empty)", 7));
    pb::ExpireValue leftover;
    leftover.set_seq(1);
    leftover.set_key("gone");
    rows.Put(sm::ExpireRow(kT0 + 5, 10), leftover.SerializeAsString());
    EXPECT_TRUE(store.Write(std::move(rows)));
    return store;
  };
  const std::string put = "T0: UpsertKV k Any Update \"v\" ttl 5";
  sm::MemStore together = start();
  EXPECT_EQ(Print(Driver(together).Apply({put, "T0+6: Txn"})[1].changes), "k: #10=\"v\"^T0+5→∅");
  sm::MemStore apart = start();
  Driver driver(apart);
  driver.Apply({put});
  EXPECT_EQ(Print(driver.Apply({"T0+6: Txn"})[0].changes), "k: #10=\"v\"^T0+5→∅");
  EXPECT_EQ(sm::HashState(together), sm::HashState(apart));
}

// A leader whose log was replaced by a state must not propose an earlier time than that state has seen.
TEST(LogTime, IsTheLatestOfAllAppliedEntriesAndIsStoredWithThem) {
  sm::MemStore store;
  Driver(store).Apply({"T0+9: Txn", "T0+3: Txn"});
  EXPECT_EQ(sm::Machine(store).log_time(), WallMillis(kT0 + 9));
}

TEST(Sweep, TakesAnyNumberOfRecordsInTheOrderOfTheirExpiry) {
  sm::MemStore store;
  Driver driver(store);
  constexpr std::uint64_t kRecords = 500;
  std::vector<std::string> puts;
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    puts.push_back("T0: UpsertKV k" + std::to_string(i) + " Any Update \"\" ttl " + std::to_string((i * 7) % 100));
  }
  driver.Apply(puts);
  const auto changes = driver.Apply({"T0+1000: Txn"}).front().changes;
  ASSERT_EQ(changes.size(), kRecords);
  for (std::size_t i = 1; i < changes.size(); ++i) {
    const auto order = [](const sm::Change& change) {
      return std::pair(change.before->meta().expire_at(), change.before->seq());
    };
    EXPECT_LT(order(changes[i - 1]), order(changes[i]));
  }
  EXPECT_EQ(Print(StateOf(store)), "S=500; (empty)");
}

// 99 levels are what a client can send; inside a Command they are twice as many.
TEST(Machine, AppliesPredicatesAsDeepAsAClientCanSendThem) {
  meta::KvTransactionRequest request;
  meta::BooleanExpression* level = request.add_branches()->mutable_predicate();
  for (int i = 0; i < 95; ++i) level = level->add_sub_expressions();
  level->add_conditions()->set_seq(0);
  request.mutable_branches(0)->add_operations()->mutable_put()->set_key("k");
  meta::KvTransactionRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(request.SerializeAsString()));
  pb::Command command;
  *command.mutable_kv_transaction() = sm::FromRequest(parsed);
  const std::string payload = command.SerializeAsString();
  sm::MemStore store;
  sm::Machine machine(store);
  const sm::LogEntry entry{{Term(1), NodeId(1), LogIndex(0)}, payload, nullptr};
  EXPECT_EQ(Print(machine.Apply(std::span(&entry, 1))->front().reply), "branch=0; [Put(k, prev ∅, cur #1=\"\")]");
}

TEST(FetchIncrease, ReadsJsonNumbersAndNothingElse) {
  const std::vector<std::pair<std::string, std::uint64_t>> rows = {
      {"0", 0},
      {"7", 7},
      {"18446744073709551615", UINT64_MAX},
      {" \t\r\n7\n ", 7},
      {"007", 0},
      {"00", 0},
      {"+7", 0},
      {"-3", 0},
      {"-0", 0},
      {"7.0", 0},
      {"7e2", 0},
      {"\"7\"", 0},
      {"", 0},
      {" ", 0},
      {"18446744073709551616", 0},
      {"7 7", 0},
      {"7x", 0},
      {"99999999999999999999999", 0},
      {"\v7", 0},
      {std::string("7\0", 2), 0},
  };
  for (const auto& [text, number] : rows) EXPECT_EQ(sm::ParseJsonU64(text), number) << text;
}

TEST(FetchIncrease, StaysWithinTheRangeOfTheNumber) {
  EXPECT_EQ(sm::AddClamped(0, INT64_MIN), 0U);
  EXPECT_EQ(sm::AddClamped(UINT64_MAX, INT64_MIN), UINT64_MAX - (std::uint64_t{1} << 63));
  EXPECT_EQ(sm::AddClamped(UINT64_MAX, 1), UINT64_MAX);
  EXPECT_EQ(sm::AddClamped(UINT64_MAX - 5, 5), UINT64_MAX);
  EXPECT_EQ(sm::AddClamped(5, -5), 0U);
  EXPECT_EQ(sm::AddClamped(5, -6), 0U);
}

TEST(PutSequential, NumbersEveryKeyWithTwentyOneDigits) {
  EXPECT_EQ(sm::SequentialSuffix(0), "000_000_000_000_000_000_000");
  EXPECT_EQ(sm::SequentialSuffix(1'200'123), "000_000_000_000_001_200_123");
  EXPECT_EQ(sm::SequentialSuffix(UINT64_MAX), "018_446_744_073_709_551_615");
}

}  // namespace
}  // namespace metasrv::testing
