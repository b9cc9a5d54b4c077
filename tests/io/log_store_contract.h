#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/io/log_world.h"

// The contract of io::LogStore (docs/STORAGE.md, K1..K15 but K14; that in log_identity_contract.h, K17 in
// log_read_contract.h) as tests. An implementation
// includes this file once, describes its world and instantiates the suite:
//
//   INSTANTIATE_TEST_SUITE_P(Simulated, LogStoreContract, testing::Values(MakeSimLogWorld));
namespace metasrv::test {

class LogStoreContract : public testing::TestWithParam<MakeLogWorld> {
 protected:
  void SetUp() override { NewWorld(1); }

  void NewWorld(std::uint64_t seed) {
    world_.reset();
    world_ = GetParam()(seed);
    Open();
  }

  void Open() {
    const auto opened = world_->Open();
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  }
  void Reopen() {
    world_->Close();
    Open();
  }
  void CrashAndOpen() {
    world_->Crash();
    Open();
  }

  // Issues a write; its outcome appears in `outcomes_` at the position that is returned.
  std::size_t Issue(io::LogBatch batch) {
    const std::size_t number = outcomes_.size();
    outcomes_.emplace_back();
    world_->store().Write(std::move(batch), [this, number](Outcome outcome) {
      EXPECT_FALSE(outcomes_[number].has_value()) << "answered twice";
      outcomes_[number] = std::move(outcome);
      answered_.push_back(number);
    });
    return number;
  }
  void Await(std::size_t number) {
    world_->RunUntil([&] { return outcomes_[number].has_value(); });
  }
  void Write(io::LogBatch batch) {
    const std::size_t number = Issue(std::move(batch));
    Await(number);
    ASSERT_TRUE(outcomes_[number]->has_value()) << outcomes_[number]->error().detail;
  }
  std::optional<io::ErrorKind> ErrorOf(std::size_t number) {
    if (outcomes_[number]->has_value()) return std::nullopt;
    return outcomes_[number]->error().kind;
  }

  std::vector<Entry> ReadBack(std::uint64_t begin, std::uint64_t end, std::size_t bytes_max) {
    std::optional<std::expected<std::vector<Entry>, io::Error>> answer;
    world_->store().Read(LogIndex(begin), LogIndex(end), bytes_max, [&answer](auto entries) { answer = entries; });
    EXPECT_FALSE(answer.has_value());
    world_->RunUntil([&] { return answer.has_value(); });
    EXPECT_TRUE(answer->has_value());
    return answer->value_or(std::vector<Entry>());
  }

  std::string Content() {
    const auto log = world_->store().Load();
    return log ? Show(*log) : std::string("error: ") + ToString(log.error().kind) + ": " + log.error().detail;
  }

  std::unique_ptr<LogWorld> world_;
  std::vector<std::optional<Outcome>> outcomes_;
  std::vector<std::size_t> answered_;
};

// --- What is stored comes back ---

TEST_P(LogStoreContract, ANewStoreIsEmptyAndThatIsNotAnError) {
  EXPECT_EQ(Content(), "node - committed - purged -:");
  EXPECT_EQ(world_->store().Stats().entry_count, 0U);
}

TEST_P(LogStoreContract, EveryKindOfEntryComesBackAsItWas) {
  const Membership membership = {.configs = {{NodeId(1), NodeId(2)}, {NodeId(2), NodeId(3)}},
                                 .nodes = {NodeId(1), NodeId(2), NodeId(3), NodeId(1ULL << 63U)}};
  const std::vector<Entry> entries = {
      Entry::OfMembership(IdAt(0, 0), Membership{}),
      Entry::Blank(IdAt(1, 1)),
      TextEntry(1, 2, ""),
      TextEntry(1, 3, std::string("\0\xff\0", 3)),
      Entry::OfMembership(IdAt(2, 4), membership),
      TextEntry(2, 5, std::string(3 << 20U, 'x')),
  };
  Write(Appending(entries));
  Reopen();
  const auto log = world_->store().Load();
  ASSERT_TRUE(log.has_value());
  ASSERT_EQ(log->entries.size(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(log->entries[i], entries[i]) << "entry " << i;
    EXPECT_EQ(log->entries[i].id.leader, entries[i].id.leader) << "entry " << i;
  }
}

TEST_P(LogStoreContract, EveryMemberOfABatchTakesEffectInTheStatedOrder) {
  Write(Appending(TextEntries(1, 0, 5)));
  io::LogBatch batch;
  batch.node_id = NodeId(7);
  batch.hard_state = HardState{.term = Term(3), .voted_for = NodeId(2), .leader_established = true};
  batch.committed = IdAt(1, 2);
  batch.truncate_from = LogIndex(3);
  batch.append = TextEntries(3, 3, 2);
  batch.purge_to = IdAt(1, 1);
  Write(batch);
  const std::string expected =
      "node 7 term 3 for 2 established committed T1-N2.2 purged T1-N2.1: "
      "T1-N2.2=1/2 T3-N4.3=3/3 T3-N4.4=3/4";
  EXPECT_EQ(Content(), expected);
  EXPECT_EQ(world_->store().Stats().entry_count, 3U);
  Reopen();
  EXPECT_EQ(Content(), expected);
}

TEST_P(LogStoreContract, AnEmptyBatchIsAnsweredAndChangesNothing) {
  Write(Appending(TextEntries(1, 0, 2)));
  const std::string before = Content();
  Write({});
  EXPECT_EQ(Content(), before);
}

TEST_P(LogStoreContract, ALogMayBeginAtAnyIndex) {
  Write(Appending(TextEntries(2, 41, 3)));
  Reopen();
  EXPECT_EQ(Content(), "node - committed - purged -: T2-N3.41=2/41 T2-N3.42=2/42 T2-N3.43=2/43");
}

TEST_P(LogStoreContract, AVoteForNobodyIsNotAVoteForNodeZero) {
  io::LogBatch batch;
  batch.hard_state = HardState{.term = Term(4), .voted_for = std::nullopt, .leader_established = false};
  Write(batch);
  Reopen();
  EXPECT_EQ(Content(), "node - term 4 committed - purged -:");
  Write(Voting(4, 0));
  Reopen();
  EXPECT_EQ(Content(), "node - term 4 for 0 committed - purged -:");
}

// --- K1: operations take effect in issue order, and reads see all of them ---

TEST_P(LogStoreContract, K1LoadSeesWhatWasIssuedBeforeItIsDurable) {
  Issue(Appending(TextEntries(1, 0, 2)));
  io::LogBatch batch = Appending(TextEntries(2, 1, 1));
  batch.truncate_from = LogIndex(1);
  const std::size_t last = Issue(std::move(batch));
  EXPECT_EQ(Content(), "node - committed - purged -: T1-N2.0=1/0 T2-N3.1=2/1");
  Await(last);
  EXPECT_EQ(Content(), "node - committed - purged -: T1-N2.0=1/0 T2-N3.1=2/1");
}

TEST_P(LogStoreContract, K1TheLaterOfTwoWritesWins) {
  Issue(Voting(1, 1));
  Issue(Voting(2, 2));
  Await(Issue(Voting(3, 3)));
  Reopen();
  EXPECT_EQ(Content(), "node - term 3 for 3 committed - purged -:");
}

// --- K15: completions come in order, on the loop ---

TEST_P(LogStoreContract, K15CompletionsComeInIssueOrderAndNeverFromInsideWrite) {
  for (std::uint64_t i = 0; i < 50; ++i) Issue(Appending(TextEntries(1, i, 1)));
  EXPECT_TRUE(answered_.empty());
  world_->RunUntil([&] { return answered_.size() == 50; });
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(answered_[i], i);
}

TEST_P(LogStoreContract, K15ACompletionMayIssueTheNextWrite) {
  std::uint64_t written = 0;
  std::function<void()> next = [&] {
    world_->store().Write(Appending(TextEntries(1, written, 1)), [&](Outcome outcome) {
      ASSERT_TRUE(outcome.has_value());
      if (++written < 5) next();
    });
  };
  next();
  world_->RunUntil([&] { return written == 5; });
  EXPECT_EQ(world_->store().Stats().entry_count, 5U);
}

// --- K2: an acknowledged write survives ---

TEST_P(LogStoreContract, K2WhatWasAcknowledgedSurvivesAPowerCut) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    NewWorld(seed);
    for (std::uint64_t i = 0; i < 10; ++i) Write(Appending(TextEntries(1, i, 1)));
    Write(Voting(9, 2));
    const std::string before = Content();
    CrashAndOpen();
    EXPECT_EQ(Content(), before);
  }
}

TEST_P(LogStoreContract, K2AnAcknowledgementCoversEverythingIssuedBeforeIt) {
  for (std::uint64_t i = 0; i < 20; ++i) Issue(Appending(TextEntries(1, i, 1)));
  Await(Issue(Voting(1, 1)));
  const std::string before = Content();
  CrashAndOpen();
  EXPECT_EQ(Content(), before);
}

// --- K3, K4, K5: after a crash there is a prefix of whole batches ---

TEST_P(LogStoreContract, K3ACrashLeavesAPrefixThatHoldsEverythingAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    NewWorld(seed);
    Prng prng(seed);
    LogModel model;
    outcomes_.clear();
    std::vector<std::string> texts = {model.text()};
    for (std::uint64_t i = prng.Between(1, 30); i > 0; --i) {
      io::LogBatch batch = RandomBatch(prng, model);
      model.Apply(batch);
      texts.push_back(model.text());
      const std::size_t number = Issue(std::move(batch));
      if (prng.Chance(200'000)) Await(number);
    }
    std::size_t acknowledged = 0;
    while (acknowledged < outcomes_.size() && outcomes_[acknowledged].has_value()) ++acknowledged;
    CrashAndOpen();
    const std::string found = Content();
    const auto match = std::find(texts.begin() + static_cast<std::ptrdiff_t>(acknowledged), texts.end(), found);
    EXPECT_TRUE(match != texts.end()) << found << "\nis not the log after " << acknowledged << ".." << texts.size() - 1
                                      << " batches";
  }
}

TEST_P(LogStoreContract, K4ABatchOfHardStateAndEntriesIsAllOrNothing) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    NewWorld(seed);
    Write(Voting(1, 1));
    const std::string before = Content();
    io::LogBatch batch = Voting(2, 2);
    for (std::uint64_t i = 0; i < 30; ++i) batch.append.push_back(TextEntry(2, i, std::string(4000, 'y')));
    Issue(std::move(batch));
    const std::string after = Content();
    CrashAndOpen();
    EXPECT_TRUE(Content() == before || Content() == after) << Content();
  }
}

TEST_P(LogStoreContract, K5ANewTailReplacesTheOldOneInOneStep) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    NewWorld(seed);
    Write(Appending(TextEntries(1, 0, 6)));
    const std::string before = Content();
    io::LogBatch batch = Appending(TextEntries(2, 2, 2));
    batch.truncate_from = LogIndex(2);
    Issue(std::move(batch));
    const std::string after = Content();
    EXPECT_EQ(after, "node - committed - purged -: T1-N2.0=1/0 T1-N2.1=1/1 T2-N3.2=2/2 T2-N3.3=2/3");
    CrashAndOpen();
    EXPECT_TRUE(Content() == before || Content() == after) << Content();
  }
}

TEST_P(LogStoreContract, K5TruncatedEntriesStayAwayAlsoWhenTheLogGrowsPastThem) {
  Write(Appending(TextEntries(1, 0, 6)));
  io::LogBatch batch = Appending(TextEntries(2, 1, 1));
  batch.truncate_from = LogIndex(1);
  Write(batch);
  Reopen();
  Write(Appending(TextEntries(2, 2, 1)));
  CrashAndOpen();
  EXPECT_EQ(Content(), "node - committed - purged -: T1-N2.0=1/0 T2-N3.1=2/1 T2-N3.2=2/2");
}

// --- K6: after an error nothing is acknowledged any more ---

TEST_P(LogStoreContract, K6AfterAFailedSyncEveryWriteFails) {
  Write(Appending(TextEntries(1, 0, 2)));
  world_->FailNextSync();
  const std::size_t failed = Issue(Appending(TextEntries(1, 2, 1)));
  Await(failed);
  EXPECT_EQ(ErrorOf(failed), io::ErrorKind::kIo);
  for (std::uint64_t i = 3; i < 6; ++i) {
    const std::size_t later = Issue(Appending(TextEntries(1, i, 1)));
    Await(later);
    EXPECT_EQ(ErrorOf(later), io::ErrorKind::kPoisoned);
  }
  const std::size_t vote = Issue(Voting(5, 5));
  Await(vote);
  EXPECT_EQ(ErrorOf(vote), io::ErrorKind::kPoisoned);
}

TEST_P(LogStoreContract, K6WhatWasQueuedBehindAFailedSyncFailsToo) {
  world_->FailNextSync();
  for (std::uint64_t i = 0; i < 20; ++i) Issue(Appending(TextEntries(1, i, 1)));
  world_->RunUntil([&] { return answered_.size() == 20; });
  for (std::size_t i = 0; i < 20; ++i) EXPECT_NE(ErrorOf(i), std::nullopt) << i;
}

TEST_P(LogStoreContract, K6AfterARestartWhatWasAcknowledgedIsThereAndWritesWorkAgain) {
  Write(Appending(TextEntries(1, 0, 2)));
  const std::string acknowledged = Content();
  world_->FailNextSync();
  Await(Issue(Appending(TextEntries(1, 2, 1))));
  CrashAndOpen();
  const std::string found = Content();
  EXPECT_TRUE(found == acknowledged || found == acknowledged + " T1-N2.2=1/2") << found;
  Write(Voting(2, 2));
}

// --- K7, K8: damage is not absence ---

TEST_P(LogStoreContract, K7DamageIsReportedAndNeverAShorterLog) {
  for (std::uint64_t i = 0; i < 40; ++i) Write(Appending(TextEntries(1, i, 1)));
  world_->Close();
  world_->Damage();
  const auto opened = world_->Open();
  if (!opened) {
    EXPECT_EQ(opened.error().kind, io::ErrorKind::kCorrupt) << opened.error().detail;
    return;
  }
  const auto log = world_->store().Load();
  ASSERT_FALSE(log.has_value()) << Show(*log);
  EXPECT_EQ(log.error().kind, io::ErrorKind::kCorrupt) << log.error().detail;
}

// --- K9: an installed snapshot replaces the log as a whole ---

TEST_P(LogStoreContract, K9AResetDropsEveryEntryAndKeepsTheRest) {
  Write(Voting(3, 1));
  Write(Appending(TextEntries(1, 0, 5)));
  io::LogBatch batch;
  batch.reset_to = IdAt(2, 100);
  Write(batch);
  EXPECT_EQ(Content(), "node - term 3 for 1 committed - purged T2-N3.100:");
  Write(Appending(TextEntries(3, 101, 2)));
  CrashAndOpen();
  EXPECT_EQ(Content(), "node - term 3 for 1 committed - purged T2-N3.100: T3-N4.101=3/101 T3-N4.102=3/102");
}

TEST_P(LogStoreContract, K9AResetInsideTheLogDropsAlsoWhatIsBehindIt) {
  Write(Appending(TextEntries(1, 0, 9)));
  io::LogBatch batch = Appending(TextEntries(4, 4, 1));
  batch.reset_to = IdAt(4, 3);
  Write(batch);
  CrashAndOpen();
  EXPECT_EQ(Content(), "node - committed - purged T4-N5.3: T4-N5.4=4/4");
}

TEST_P(LogStoreContract, K9AResetIsAllOrNothing) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    NewWorld(seed);
    Write(Appending(TextEntries(1, 0, 5)));
    const std::string before = Content();
    io::LogBatch batch = Voting(8, 3);
    batch.reset_to = IdAt(2, 100);
    Issue(std::move(batch));
    const std::string after = Content();
    CrashAndOpen();
    EXPECT_TRUE(Content() == before || Content() == after) << Content();
  }
}

// --- K11: what is purged stays purged ---

TEST_P(LogStoreContract, K11PurgedEntriesNeverComeBack) {
  Write(Appending(TextEntries(1, 0, 10)));
  io::LogBatch batch;
  batch.purge_to = IdAt(1, 6);
  Issue(std::move(batch));
  Write(Appending(TextEntries(1, 10, 1)));
  CrashAndOpen();
  const std::string expected = "node - committed - purged T1-N2.6: T1-N2.7=1/7 T1-N2.8=1/8 T1-N2.9=1/9 T1-N2.10=1/10";
  EXPECT_EQ(Content(), expected);
  Reopen();
  EXPECT_EQ(Content(), expected);
}

TEST_P(LogStoreContract, K11APurgeNeverGoesBack) {
  Write(Appending(TextEntries(1, 0, 10)));
  io::LogBatch batch;
  batch.purge_to = IdAt(1, 6);
  Write(batch);
  const std::string before = Content();
  batch.purge_to = IdAt(1, 2);
  Write(batch);
  EXPECT_EQ(Content(), before);
}

TEST_P(LogStoreContract, K11APurgeMayCoverTheWholeLogAndItsOwnBatch) {
  io::LogBatch batch = Appending(TextEntries(1, 0, 4));
  batch.purge_to = IdAt(1, 3);
  Write(batch);
  Reopen();
  EXPECT_EQ(Content(), "node - committed - purged T1-N2.3:");
  Write(Appending(TextEntries(1, 4, 1)));
  EXPECT_EQ(Content(), "node - committed - purged T1-N2.3: T1-N2.4=1/4");
}

// --- K12: a full disk refuses, and changes nothing ---

TEST_P(LogStoreContract, K12AFullDiskRefusesGrowthAndLeavesTheLogAsItWas) {
  Write(Appending(TextEntries(1, 0, 3)));
  const std::string before = Content();
  world_->SetFull(true);
  const std::size_t refused = Issue(Appending(TextEntries(1, 3, 1)));
  const std::size_t later = Issue(Appending(TextEntries(1, 4, 1)));
  Await(later);
  EXPECT_EQ(ErrorOf(refused), io::ErrorKind::kNoSpace);
  EXPECT_EQ(ErrorOf(later), io::ErrorKind::kPoisoned);
  world_->SetFull(false);
  Reopen();
  EXPECT_EQ(Content(), before);
  Write(Appending(TextEntries(1, 3, 1)));
  CrashAndOpen();
  EXPECT_EQ(Content(), before + " T1-N2.3=1/3");
}

TEST_P(LogStoreContract, K12AFullDiskStillHasRoomForWhatDoesNotGrow) {
  Write(Appending(TextEntries(1, 0, 3)));
  world_->SetFull(true);
  Write(Voting(7, 2));
  io::LogBatch batch;
  batch.purge_to = IdAt(1, 0);
  batch.truncate_from = LogIndex(2);
  Write(batch);
  CrashAndOpen();
  EXPECT_EQ(Content(), "node - term 7 for 2 committed - purged T1-N2.0: T1-N2.1=1/1");
}

// --- K13: recovery is repeatable ---

TEST_P(LogStoreContract, K13OpeningAgainAndAgainGivesTheSameLog) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    NewWorld(seed);
    Prng prng(seed);
    LogModel model;
    for (int i = 0; i < 12; ++i) {
      io::LogBatch batch = RandomBatch(prng, model);
      model.Apply(batch);
      Issue(std::move(batch));
    }
    CrashAndOpen();
    const std::string first = Content();
    CrashAndOpen();
    EXPECT_EQ(Content(), first);
    Reopen();
    EXPECT_EQ(Content(), first);
  }
}

// --- Any history ---

TEST_P(LogStoreContract, AnyHistoryWithRestartsEqualsTheModel) {
  for (std::uint64_t seed = 100; seed < 110; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    NewWorld(seed);
    Prng prng(seed);
    LogModel model;
    for (int i = 0; i < 60; ++i) {
      io::LogBatch batch = RandomBatch(prng, model);
      model.Apply(batch);
      const std::size_t number = Issue(std::move(batch));
      if (prng.Chance(700'000)) continue;
      Await(number);
      ASSERT_EQ(Content(), model.text()) << "after batch " << i;
      if (prng.Chance(200'000)) Reopen();
    }
  }
}

}  // namespace metasrv::test
