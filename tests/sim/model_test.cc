// The reference model against worked examples of kv-semantics.md §15 that need care.
#include "sim/model.h"

#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"

namespace metasrv::sim {
namespace {

constexpr std::uint64_t kT0 = 1'700'000'000'000;

ModelStep Execute(Model& model, std::uint64_t time_ms, const std::string& text) {
  pb::Command command;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &command)) << text;
  command.set_time_ms(time_ms);
  return model.Apply(command);
}

std::string State(const Model& model) {
  std::string text = "S=" + std::to_string(model.last_seq());
  for (const auto& [key, record] : model.records()) {
    text += " " + key + "#" + std::to_string(record.seq()) + "=" + record.data();
    if (record.meta().has_expire_at()) text += "^" + std::to_string(record.meta().expire_at() - kT0);
  }
  return text;
}

TEST(Model, GivesEveryStoredValueASequenceNumberAndDeletesNone) {
  Model model;
  Execute(model, kT0, R"(upsert_kv { key: "k" seq { any {} } value { update: "v" } })");
  const ModelStep removed = Execute(model, kT0, R"(upsert_kv { key: "k" seq { any {} } value { delete {} } })");
  EXPECT_EQ(removed.reply.kv().prev().seq(), 1U);
  EXPECT_FALSE(removed.reply.kv().has_result());
  Execute(model, kT0, R"(upsert_kv { key: "k" seq { exact: 0 } value { update: "w" } })");
  EXPECT_EQ(State(model), "S=2 k#2=w");
}

TEST(Model, LeavesTheRecordAloneWhenTheMatchFails) {
  Model model;
  Execute(model, kT0, R"(upsert_kv { key: "k" seq { any {} } value { update: "v" } })");
  const ModelStep step = Execute(model, kT0, R"(upsert_kv { key: "k" seq { exact: 4 } value { update: "w" } })");
  EXPECT_EQ(step.reply.kv().prev().seq(), step.reply.kv().result().seq());
  EXPECT_TRUE(step.changes.empty());
}

TEST(Model, BurnsASequenceNumberForAValueThatIsExpiredOnArrival) {
  Model model;
  Execute(model, kT0, R"(upsert_kv { key: "k" seq { any {} } value { update: "v" } })");
  const ModelStep step =
      Execute(model, kT0,
              R"(upsert_kv { key: "k" seq { any {} } value { update: "w" } value_meta { expire_at: 1699999999999 } })");
  EXPECT_EQ(State(model), "S=2");
  ASSERT_EQ(step.changes.size(), 1U);
  EXPECT_FALSE(step.changes[0].after);
}

TEST(Model, SweepsInOrderOfExpiryThenSequence) {
  Model model;
  for (const auto& [key, ttl] : std::map<std::string, int>{{"a", 30}, {"b", 10}, {"c", 10}, {"d", 20}}) {
    Execute(model, kT0,
            "upsert_kv { key: '" + key +
                "' seq { any {} } value { update: 'x' } value_meta { ttl_ms: " + std::to_string(ttl) + " } }");
  }
  EXPECT_TRUE(Execute(model, kT0 + 10, "transaction {}").changes.empty());  // alive at exactly its expiry
  const ModelStep step = Execute(model, kT0 + 100, "transaction {}");
  std::string order;
  for (const ModelChange& change : step.changes) order += change.key;
  EXPECT_EQ(order, "bcda");
  EXPECT_EQ(State(model), "S=4");
}

TEST(Model, TakesExpiryForSecondsUpToTheLimit) {
  Model model;
  Execute(model, kT0,
          R"(upsert_kv { key: "k" seq { any {} } value { update: "v" } value_meta { expire_at: 100000000000 } })");
  EXPECT_EQ(model.records().size(), 1U);
  Execute(model, kT0,
          R"(upsert_kv { key: "k" seq { any {} } value { update: "v" } value_meta { expire_at: 100000000001 } })");
  EXPECT_TRUE(model.records().empty());
}

TEST(Model, ChoosesTheFirstTrueBranch) {
  Model model;
  Execute(model, kT0, R"(upsert_kv { key: "a" seq { any {} } value { update: "a" } })");
  const auto path = [&](const std::string& text) {
    return Execute(model, kT0, "transaction { " + text + " }").reply.transaction().execution_path();
  };
  EXPECT_EQ(path(""), "then");
  EXPECT_EQ(path("condition { key: 'a' seq: 9 } if_then { get { key: 'a' } }"), "else");
  EXPECT_EQ(path("condition { key: 'zz' value: 'x' expected: NE } else_then { get { key: 'a' } }"), "else");
  EXPECT_EQ(path("operations { predicate { operator: OR } }"), "operation:0");
  EXPECT_EQ(path("operations { predicate { conditions { key: 'a' value: 'b' } } } operations {}"), "operation:1");
}

TEST(Model, CountsLikeTheSpecification) {
  EXPECT_EQ(ModelCounter(" 7\t"), 7U);
  EXPECT_EQ(ModelCounter("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "007", "+7", "-3", "7.0", "\"7\"", "18446744073709551616", "7 7"}) {
    EXPECT_EQ(ModelCounter(text), 0U) << text;
  }
  Model model;
  const ModelStep step = Execute(model, kT0, R"(transaction {
    if_then { fetch_increase_u64 { key: "c" delta: 5 } }
    if_then { fetch_increase_u64 { key: "c" max_value: 100 delta: -1 } }
    if_then { fetch_increase_u64 { key: "c" delta: -500 } }
    if_then { fetch_increase_u64 { key: "c" delta: 1 match_seq: 9 } } })");
  const auto& responses = step.reply.transaction().responses();
  EXPECT_EQ(responses[1].fetch_increase_u64().after(), 99U);
  EXPECT_EQ(responses[2].fetch_increase_u64().after(), 0U);
  EXPECT_EQ(responses[3].fetch_increase_u64().after_seq(), 3U);
}

TEST(Model, NumbersSequentialKeys) {
  Model model;
  Execute(model, kT0, R"(transaction { if_then { put_sequential { prefix: "q/" sequence_key: "n" value: "v" } } })");
  EXPECT_EQ(State(model), "S=2 n#1=1 q/000_000_000_000_000_000_000#2=v");
}

TEST(Model, AnswersAKnownRequestIdWithTheFirstReplyAndForgetsItAfterTenMinutes) {
  Model model;
  const std::string first = R"(request_id: "r" transaction { if_then { fetch_increase_u64 { key: "c" delta: 5 } } })";
  const ModelStep done = Execute(model, kT0, first);
  const ModelStep again = Execute(model, kT0 + 599'999, first);
  EXPECT_EQ(again.reply.SerializeAsString(), done.reply.SerializeAsString());
  EXPECT_TRUE(again.changes.empty());
  Execute(model, kT0 + 600'000, first);
  EXPECT_EQ(State(model), "S=2 c#2=10");
}

}  // namespace
}  // namespace metasrv::sim
