// Writes that clients named (decision 0020).

#include "sm/dedup.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "sm/layout.h"
#include "sm/machine.h"
#include "sm/mem_store.h"
#include "sm/read.h"
#include "sm/state_hash.h"
#include "tests/sm/notation.h"
#include "tests/sm/scanner.h"

namespace metasrv::testing {
namespace {

constexpr std::uint64_t kMinuteMs = 60'000;

// A write of the next number to the counter "n", so that every application shows.
pb::Command Increase(const std::string& id, std::uint64_t time_ms) {
  pb::Command command;
  command.set_time_ms(time_ms);
  command.set_request_id(id);
  auto& increase = *command.mutable_transaction()->add_if_then()->mutable_fetch_increase_u64();
  increase.set_key("n");
  increase.set_delta(1);
  return command;
}

// A replica.
class Replica {
 public:
  Replica() : machine(store) {}

  std::vector<sm::Applied> Apply(const std::vector<pb::Command>& commands) {
    std::vector<std::string> payloads;
    for (const pb::Command& command : commands) payloads.push_back(command.SerializeAsString());
    std::vector<sm::LogEntry> entries;
    for (const std::string& payload : payloads) {
      entries.push_back({{Term(1), NodeId(1), LogIndex(next_++)}, payload, nullptr});
    }
    auto applied = machine.Apply(entries);
    CHECK(applied.has_value());
    return std::move(*applied);
  }
  sm::Applied Apply(const pb::Command& command) { return std::move(Apply(std::vector{command}).front()); }

  // What the counter was set to by the write, or by the write that it repeats.
  std::uint64_t Increased(const std::string& id, std::uint64_t time_ms) {
    return Apply(Increase(id, time_ms)).reply.transaction().responses(0).fetch_increase_u64().after();
  }

  // The whole state of `leader`, as after a snapshot.
  void Install(const Replica& leader) {
    auto installer = store.NewInstaller();
    std::vector<sm::Row> rows;
    for (auto all = leader.store.Scan("", ""); all->Valid(); all->Next()) rows.emplace_back(all->key(), all->value());
    installer->Add(std::move(rows));
    installer->Commit([](bool ok) { EXPECT_TRUE(ok); });
    machine.Reload();
    next_ = leader.next_;
  }

  [[nodiscard]] std::size_t CountTable(char table) const {
    const std::string prefix(1, table);
    std::size_t count = 0;
    for (auto rows = store.Scan(prefix, sm::PrefixEnd(prefix)); rows->Valid(); rows->Next()) ++count;
    return count;
  }

  sm::MemStore store;
  sm::Machine machine;

 private:
  std::uint64_t next_ = 1;
};

TEST(RequestIds, ARepeatedWriteAnswersAsTheFirstTimeAndChangesNothing) {
  Replica replica;
  const sm::Applied first = replica.Apply(Increase("a", kT0));
  const SmModel after_first = StateOf(replica.store);
  const sm::Applied again = replica.Apply(Increase("a", kT0 + 5));
  EXPECT_EQ(again.reply.SerializeAsString(), first.reply.SerializeAsString());
  EXPECT_TRUE(again.changes.empty());
  EXPECT_EQ(Print(StateOf(replica.store)), Print(after_first));
  EXPECT_EQ(replica.Increased("b", kT0 + 6), 2U);
}

TEST(RequestIds, ARepetitionInTheSameBatchIsRecognized) {
  Replica replica;
  const auto applied = replica.Apply({Increase("a", kT0), Increase("a", kT0), Increase("b", kT0)});
  EXPECT_EQ(applied[0].reply.SerializeAsString(), applied[1].reply.SerializeAsString());
  EXPECT_EQ(applied[2].reply.transaction().responses(0).fetch_increase_u64().after(), 2U);
}

TEST(RequestIds, AWriteWithoutOneIsAppliedEveryTimeAndRemembersNothing) {
  Replica replica;
  EXPECT_EQ(replica.Increased("", kT0), 1U);
  EXPECT_EQ(replica.Increased("", kT0), 2U);
  EXPECT_EQ(replica.CountTable(sm::kRequestTable), 0U);
  EXPECT_FALSE(replica.store.Get(sm::kRequestPlacesRow).has_value());
}

TEST(RequestIds, ARepetitionStillMovesTimeForward) {
  Replica replica;
  pb::Command put = *ParseEntry("T0: UpsertKV k Any Update \"v\" ttl 5").command;
  put.set_request_id("a");
  replica.Apply(put);
  put.set_time_ms(kT0 + 6);
  const sm::Applied again = replica.Apply(put);
  EXPECT_EQ(Print(again.changes), "k: #1=\"v\"^T0+5→∅");
  EXPECT_EQ(Print(again.reply), "prev ∅, result #1=\"v\"^T0+5");
}

TEST(RequestIds, AreForgottenTenMinutesOfLogTimeAfterTheWrite) {
  Replica replica;
  EXPECT_EQ(replica.Increased("a", kT0), 1U);
  EXPECT_EQ(replica.Increased("a", kT0 + 10 * kMinuteMs - 1), 1U);
  EXPECT_EQ(replica.Increased("a", kT0 + 10 * kMinuteMs), 2U) << "a repetition does not prolong the memory";
  EXPECT_EQ(replica.Increased("a", kT0 + 19 * kMinuteMs), 2U);
  EXPECT_EQ(replica.CountTable(sm::kRequestTable), 1U);
}

// Neither an entry without a time nor one whose leader's clock was behind makes an id young again.
TEST(RequestIds, AgeByTheLogTimeNotByTheTimeOfTheirEntry) {
  Replica replica;
  EXPECT_EQ(replica.Increased("old", kT0), 1U);
  EXPECT_EQ(replica.Increased("late", kT0 - kMinuteMs), 2U);
  EXPECT_EQ(replica.Increased("late", kT0 + 10 * kMinuteMs - 1), 2U);
  EXPECT_EQ(replica.Increased("", kT0 + 10 * kMinuteMs), 3U);
  EXPECT_EQ(replica.Increased("old", kT0), 4U);
}

TEST(RequestIds, OutOfDateOnesAreRemovedAFewPerEntryAndAreNotKnownMeanwhile) {
  Replica replica;
  constexpr int kIds = 30;
  for (int i = 0; i < kIds; ++i) replica.Apply(Increase("id" + std::to_string(i), kT0));
  const std::uint64_t later = kT0 + 11 * kMinuteMs;
  EXPECT_EQ(replica.Increased("id29", later), kIds + 1U) << "out of date, but not removed yet";
  EXPECT_EQ(replica.CountTable(sm::kRequestPlaceTable), kIds + 1U - sm::kForgottenPerEntry);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(replica.Increased("id29", later), kIds + 1U);
  EXPECT_EQ(replica.CountTable(sm::kRequestPlaceTable), 1U);
  EXPECT_EQ(replica.CountTable(sm::kRequestTable), 1U) << "removing the old place must not forget the new write";
  EXPECT_EQ(replica.Increased("id29", later), kIds + 1U);
}

TEST(RequestIds, BeyondAHundredThousandTheOldestIsForgotten) {
  Replica replica;
  std::vector<pb::Command> commands;
  for (std::uint64_t i = 0; i < sm::kKnownRequestsMax; ++i) commands.push_back(Increase("id" + std::to_string(i), kT0));
  replica.Apply(commands);
  EXPECT_EQ(replica.Increased("id0", kT0), 1U);
  EXPECT_EQ(replica.Increased("one more", kT0), sm::kKnownRequestsMax + 1);
  EXPECT_EQ(replica.CountTable(sm::kRequestTable), sm::kKnownRequestsMax);
  EXPECT_EQ(replica.Increased("id1", kT0), 2U);
  EXPECT_EQ(replica.Increased("id0", kT0), sm::kKnownRequestsMax + 2);
  EXPECT_EQ(replica.CountTable(sm::kRequestPlaceTable), sm::kKnownRequestsMax);
}

// Increases the counter and reads a record as large as `bytes`.
pb::Command IncreaseAndGet(const std::string& id, const std::string& key) {
  pb::Command command = Increase(id, kT0);
  command.mutable_transaction()->add_if_then()->mutable_get()->set_key(key);
  return command;
}

TEST(RequestIds, TheOldestAreForgottenWhenTheRepliesTakeTooMuch) {
  Replica replica;
  constexpr std::size_t kLarge = sm::kKnownRequestBytesMax / 4;
  pb::Command put;
  put.set_time_ms(kT0);
  put.mutable_upsert_kv()->set_key("large");
  put.mutable_upsert_kv()->mutable_seq()->mutable_any();
  put.mutable_upsert_kv()->mutable_value()->set_update(std::string(kLarge, 'x'));
  replica.Apply(put);
  replica.Apply(Increase("small", kT0));
  for (const char* id : {"a", "b", "c"}) replica.Apply(IncreaseAndGet(id, "large"));
  EXPECT_EQ(replica.Increased("small", kT0), 1U);
  replica.Apply(IncreaseAndGet("d", "large"));
  EXPECT_EQ(replica.CountTable(sm::kRequestPlaceTable), 3U) << "three large replies fit, four do not";
  EXPECT_EQ(replica.Increased("b", kT0), 3U);
  EXPECT_EQ(replica.Increased("small", kT0), 6U);
  EXPECT_EQ(replica.CountTable(sm::kRequestTable), 4U);
}

TEST(RequestIds, AReplyThatIsLargerThanAllMayBeIsRememberedUntilTheNextOne) {
  Replica replica;
  pb::Command put;
  put.set_time_ms(kT0);
  put.mutable_upsert_kv()->set_key("large");
  put.mutable_upsert_kv()->mutable_seq()->mutable_any();
  put.mutable_upsert_kv()->mutable_value()->set_update(std::string(sm::kKnownRequestBytesMax, 'x'));
  replica.Apply(put);
  replica.Apply(IncreaseAndGet("a", "large"));
  EXPECT_EQ(replica.Increased("a", kT0), 1U);
  replica.Apply(Increase("b", kT0));
  EXPECT_EQ(replica.Increased("a", kT0), 3U);
}

TEST(RequestIds, SurviveARestartAndASnapshot) {
  Replica leader;
  EXPECT_EQ(leader.Increased("a", kT0), 1U);
  EXPECT_EQ(leader.Increased("b", kT0 + 1), 2U);
  sm::MemStore restarted_store = leader.store;
  sm::Machine restarted(restarted_store);
  const std::string payload = Increase("a", kT0 + 2).SerializeAsString();
  const sm::LogEntry entry{{Term(2), NodeId(2), LogIndex(3)}, payload, nullptr};
  const auto again = restarted.Apply(std::span(&entry, 1));
  EXPECT_EQ(again->front().reply.transaction().responses(0).fetch_increase_u64().after(), 1U);

  Replica follower;
  EXPECT_EQ(follower.Increased("c", kT0 - 1), 1U);
  follower.Install(leader);
  EXPECT_EQ(follower.Increased("b", kT0 + 2), 2U);
  EXPECT_EQ(follower.Increased("c", kT0 + 2), 3U) << "what the replaced state knew is gone";
  EXPECT_EQ(follower.Increased("a", kT0 + 10 * kMinuteMs), 4U);
}

TEST(RequestIds, AreNoPartOfTheStateHash) {
  Replica named;
  Replica unnamed;
  named.Apply(Increase("a", kT0));
  unnamed.Apply(Increase("", kT0));
  EXPECT_EQ(named.machine.state_hash(), unnamed.machine.state_hash());
  EXPECT_EQ(named.machine.state_hash(), sm::ComputeStateHash(named.store));
}

TEST(RequestIds, AreOneToSixtyFourVisibleAsciiCharacters) {
  for (const std::string& good : {std::string("a"), std::string("!~"), std::string(64, 'x')}) {
    EXPECT_TRUE(sm::IsRequestId(good)) << good;
  }
  for (const std::string& bad : {std::string(), std::string(65, 'x'), std::string("a b"), std::string("\x7f"),
                                 std::string("a\n"), std::string("\xc3\xa9")}) {
    EXPECT_FALSE(sm::IsRequestId(bad)) << bad;
  }
}

}  // namespace
}  // namespace metasrv::testing
