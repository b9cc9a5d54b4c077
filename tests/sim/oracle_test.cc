// The oracle against hand-made histories: a small log is built from real commands, and clients are told true and false
// things.
#include "sim/oracle.h"

#include <gtest/gtest.h>

#include "sim/command_maker.h"
#include "tests/sim/judge_support.h"

namespace metasrv::sim {
namespace {

constexpr std::uint64_t kTime = 1'700'000'000'000;

std::string PutCommand(std::uint64_t token, const std::string& key, std::uint64_t time_ms, std::uint64_t ttl_ms = 0,
                       const std::string& request_id = "") {
  pb::Command command;
  command.set_request_id(request_id);
  command.set_time_ms(time_ms);
  pb::UpsertKv& upsert = *command.mutable_upsert_kv();
  upsert.set_key(key);
  upsert.mutable_seq()->mutable_any();
  upsert.mutable_value()->set_update(std::to_string(token) + "|v");
  if (ttl_ms > 0) upsert.mutable_value_meta()->set_ttl_ms(ttl_ms);
  return command.SerializeAsString();
}

class OracleTest : public testing::Test {
 protected:
  OracleTest() {
    history_.SetListener([this](const History::Step& step) {
      if (step.token != 0) oracle_.OnEntry(step.token, step.id.index);
    });
    Append(Entry::Blank(Id(1, 0)));
  }

  void Append(const Entry& entry) {
    stored_.OnStored(NodeId(1), entry.id.index == LogIndex(0) ? std::nullopt : std::optional(Term(1)), entry);
    history_.AdvanceTo(entry.id);
  }
  // Applies the write `token` as the next entry.
  void Apply(Oracle::Token token, const std::string& key, std::uint64_t ttl_ms = 0) {
    Append(Entry::Normal(Id(1, history_.end().value()), PutCommand(token, key, ++time_, ttl_ms)));
  }
  void ApplyNamed(Oracle::Token token, const std::string& key, const std::string& request_id) {
    Append(Entry::Normal(Id(1, history_.end().value()), PutCommand(token, key, ++time_, 0, request_id)));
  }
  // Two attempts at one write.
  std::pair<Oracle::Token, Oracle::Token> BeginTwice() {
    const auto first = Begin();
    const auto second = Begin();
    oracle_.Name(first, first);
    oracle_.Name(second, first);
    return {first, second};
  }
  Oracle::Token Begin(bool write = true) { return oracle_.Begin(write, history_.end()); }

  node::WriteResult Applied(LogIndex index) {
    node::WriteResult result;
    result.status = node::WriteStatus::kApplied;
    result.reply = history_.At(index).reply;
    return result;
  }
  static node::WriteResult Status(node::WriteStatus status) {
    node::WriteResult result;
    result.status = status;
    return result;
  }
  // A whole, true read of `key` after `end` entries.
  ReadSeen Read(const std::string& key, std::uint64_t end) {
    ReadSeen seen;
    seen.applied_end = LogIndex(end);
    seen.now = WallMillis(kTime);
    if (end > 0) seen.last_applied = Id(1, end - 1);
    seen.gets.emplace_back(key, history_.RecordAt(key, LogIndex(end)));
    return seen;
  }

  Verdict verdict_;
  LogMatching stored_{verdict_};
  History history_{stored_, TokenOf, verdict_};
  Oracle oracle_{history_, verdict_};
  std::uint64_t time_ = kTime;
};

TEST_F(OracleTest, AcceptsAWriteThatIsAppliedAndThenRead) {
  const auto write = Begin();
  Apply(write, "a");
  oracle_.OnWriteDone(write, Applied(LogIndex(1)));
  oracle_.OnReadDone(Begin(false), Read("a", 2));
  EXPECT_EQ(Broken(verdict_), "");
  EXPECT_EQ(oracle_.counts().acked, 1U);
}

TEST_F(OracleTest, NoticesAnAcknowledgedWriteThatIsNotInTheLog) {
  const auto write = Begin();
  oracle_.OnWriteDone(write, Applied(LogIndex(0)));
  EXPECT_EQ(Broken(verdict_), "acknowledged means applied");
}

TEST_F(OracleTest, NoticesAWrongAnswer) {
  const auto write = Begin();
  Apply(write, "a");
  node::WriteResult result = Applied(LogIndex(1));
  result.reply.mutable_kv()->mutable_result()->set_seq(77);
  oracle_.OnWriteDone(write, result);
  EXPECT_EQ(Broken(verdict_), "answers are the history's");
}

TEST_F(OracleTest, NoticesAWriteThatIsAppliedTwice) {
  const auto write = Begin();
  Apply(write, "a");
  Apply(write, "a");
  EXPECT_EQ(Broken(verdict_), "applied at most once");
}

TEST_F(OracleTest, NoticesARefusedWriteThatIsAppliedLater) {
  const auto write = Begin();
  oracle_.OnWriteDone(write, Status(node::WriteStatus::kNoLeader));
  EXPECT_EQ(Broken(verdict_), "");
  Apply(write, "a");
  EXPECT_EQ(Broken(verdict_), "definite failures have no effect");
}

TEST_F(OracleTest, NoticesAnAppliedWriteThatIsRefusedLater) {
  const auto write = Begin();
  Apply(write, "a");
  oracle_.OnWriteDone(write, Status(node::WriteStatus::kStopped));
  EXPECT_EQ(Broken(verdict_), "definite failures have no effect");
}

TEST_F(OracleTest, LetsAnUnknownWriteHappenOrNot) {
  const auto first = Begin();
  const auto second = Begin();
  oracle_.OnWriteDone(first, Status(node::WriteStatus::kUnknown));
  oracle_.OnWriteDone(second, Status(node::WriteStatus::kUnknown));
  Apply(first, "a");
  EXPECT_EQ(Broken(verdict_), "");
  EXPECT_EQ(oracle_.counts().unknown, 2U);
  EXPECT_EQ(oracle_.counts().unknown_applied, 1U);
}

TEST_F(OracleTest, AcceptsANamedWriteWhoseSecondAttemptIsAnsweredAsTheFirst) {
  const auto [first, second] = BeginTwice();
  oracle_.OnWriteDone(first, Status(node::WriteStatus::kUnknown));
  ApplyNamed(second, "a", "w");
  ApplyNamed(first, "a", "w");
  oracle_.OnWriteDone(second, Applied(LogIndex(1)));
  EXPECT_EQ(Broken(verdict_), "");
  EXPECT_EQ(oracle_.counts().repeats_applied, 1U);
}

TEST_F(OracleTest, NoticesANamedWriteThatTakesEffectTwice) {
  const auto [first, second] = BeginTwice();
  ApplyNamed(first, "a", "w");
  ApplyNamed(second, "a", "forgotten");
  EXPECT_EQ(Broken(verdict_), "a named write takes effect once");
}

TEST_F(OracleTest, HoldsAListToItsLimit) {
  for (const char* key : {"a", "b", "c"}) Apply(Begin(), key);
  ReadSeen seen = Read("a", 4);
  ReadSeen::List& list = seen.lists.emplace_back(ReadSeen::List{"", 2, {}});
  for (const auto& record : {"a", "b"}) list.items.emplace_back(record, *history_.RecordAt(record, LogIndex(4)));
  oracle_.OnReadDone(Begin(false), seen);
  EXPECT_EQ(Broken(verdict_), "");
  seen.lists[0].items.pop_back();
  oracle_.OnReadDone(Begin(false), seen);
  EXPECT_EQ(Broken(verdict_), "reads show the history");
}

TEST_F(OracleTest, NoticesASecondAnswer) {
  const auto write = Begin();
  oracle_.OnWriteDone(write, Status(node::WriteStatus::kUnknown));
  oracle_.OnWriteDone(write, Status(node::WriteStatus::kUnknown));
  EXPECT_EQ(Broken(verdict_), "answered once");
}

TEST_F(OracleTest, NoticesAReadThatMissesAFinishedWrite) {
  const auto write = Begin();
  Apply(write, "a");
  oracle_.OnWriteDone(write, Applied(LogIndex(1)));
  oracle_.OnReadDone(Begin(false), Read("a", 1));
  EXPECT_EQ(Broken(verdict_), "strict serializability");
}

TEST_F(OracleTest, NoticesAReadThatGoesBackBehindAnEarlierRead) {
  const auto write = oracle_.Begin(true, LogIndex(0));
  const auto early = oracle_.Begin(false, LogIndex(0));
  Apply(write, "a");
  oracle_.OnReadDone(early, Read("a", 2));
  const auto late = oracle_.Begin(false, LogIndex(0));
  oracle_.OnReadDone(late, Read("a", 1));
  EXPECT_EQ(Broken(verdict_), "strict serializability");
}

TEST_F(OracleTest, LetsAConcurrentReadMissAWrite) {
  const auto read = oracle_.Begin(false, LogIndex(1));
  const auto write = Begin();
  Apply(write, "a");
  oracle_.OnWriteDone(write, Applied(LogIndex(1)));
  oracle_.OnReadDone(read, Read("a", 1));
  EXPECT_EQ(Broken(verdict_), "");
}

TEST_F(OracleTest, NoticesAReadThatMissesWhatWasCommittedWhenItBegan) {
  Apply(Begin(), "a");  // never acknowledged
  const auto read = Begin(false);
  oracle_.OnReadDone(read, Read("a", 1));
  EXPECT_EQ(Broken(verdict_), "reads are confirmed");
}

TEST_F(OracleTest, NoticesAWriteThatLandsBeforeWhatWasFinishedWhenItBegan) {
  const auto first = Begin();
  Apply(first, "a");
  oracle_.OnWriteDone(first, Applied(LogIndex(1)));
  const auto second = Begin();
  oracle_.OnEntry(second, LogIndex(1));
  EXPECT_EQ(Broken(verdict_), "strict serializability");
}

TEST_F(OracleTest, NoticesAReadOfAnotherValue) {
  Apply(Begin(), "a");
  ReadSeen seen = Read("a", 2);
  seen.gets[0].second->set_data("other");
  oracle_.OnReadDone(Begin(false), seen);
  EXPECT_EQ(Broken(verdict_), "reads show the history");
}

TEST_F(OracleTest, NoticesAViewOfAnotherIndexThanItSays) {
  Apply(Begin(), "a");
  ReadSeen seen = Read("a", 2);
  seen.last_applied = Id(1, 0);
  oracle_.OnReadDone(Begin(false), seen);
  EXPECT_EQ(Broken(verdict_), "reads show the history");
}

TEST_F(OracleTest, NoticesAListThatLacksARecord) {
  Apply(Begin(), "p/1");
  Apply(Begin(), "p/2");
  ReadSeen seen = Read("x", 3);
  seen.lists.push_back({"p/", 0, history_.ListAt("p/", LogIndex(3))});
  oracle_.OnReadDone(Begin(false), seen);
  EXPECT_EQ(Broken(verdict_), "");
  seen.lists[0].items.pop_back();
  oracle_.OnReadDone(Begin(false), seen);
  EXPECT_EQ(Broken(verdict_), "reads show the history");
}

TEST_F(OracleTest, ExpectsExpiredRecordsToBeHidden) {
  Apply(Begin(), "a", 5);
  ReadSeen seen = Read("a", 2);
  seen.now = WallMillis(time_ + 5);
  oracle_.OnReadDone(Begin(false), seen);  // visible at exactly its expiry
  EXPECT_EQ(Broken(verdict_), "");
  seen.now = WallMillis(time_ + 6);
  oracle_.OnReadDone(Begin(false), seen);
  EXPECT_EQ(Broken(verdict_), "reads show the history");
}

TEST_F(OracleTest, ReportsAnUnansweredRequestAsALivenessFailure) {
  const auto write = Begin();
  oracle_.OnOverdue(write);
  EXPECT_EQ(verdict_.failure()->failure_class, FailureClass::kLiveness);
}

TEST_F(OracleTest, NoticesALogTimeThatFalls) {
  Apply(Begin(), "a");
  time_ -= 10;
  Apply(Begin(), "a");
  EXPECT_EQ(Broken(verdict_), "log time never goes back");
}

}  // namespace
}  // namespace metasrv::sim
