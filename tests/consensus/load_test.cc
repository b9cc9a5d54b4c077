// Entries that are not in memory, step by step: what is asked for, and what an answer that comes too late is worth.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "consensus/core.h"
#include "consensus/raft.h"

namespace metasrv {
namespace {

constexpr NodeId kOne(1);
constexpr NodeId kTwo(2);
constexpr NodeId kThree(3);

LogId Id(std::uint64_t term, std::uint64_t index) { return {Term(term), NodeId(term == 3 ? 2 : 1), LogIndex(index)}; }

// Node 1 of three with nothing in memory that is durable; its disk is written at once.
class Loading : public ::testing::Test {
 protected:
  Loading() : raft_(Options(), Disk(), now_, Prng(1)) {}

  static RaftOptions Options() {
    RaftOptions options;
    options.id = kOne;
    options.log_cache.items_max = 0;
    return options;
  }
  static Recovered Disk() {
    const Entry voters = Entry::OfMembership({Term(0), kOne, LogIndex(0)}, UniformMembership({kOne, kTwo, kThree}));
    Recovered disk;
    disk.hard_state = {Term(1), kOne, true};
    disk.log = Log(std::nullopt, {voters, Entry::Normal(Id(1, 1), "a"), Entry::Normal(Id(1, 2), "b")});
    disk.log.Evict(disk.log.end(), {.bytes_max = 0, .items_max = 0});
    disk.memberships = {voters};
    return disk;
  }

  Output Step(Input input) {
    Output out = raft_.Step(now_, std::move(input));
    if (out.persist) {
      Output more = raft_.Step(now_, Persisted{out.persist->seq});
      for (Outgoing& message : more.messages) out.messages.push_back(std::move(message));
      for (LoadEntries& load : more.loads) out.loads.push_back(load);
    }
    return out;
  }
  void Lead() {
    Step(Campaign{});
    const Term next(raft_.status().hard_state.term.value() + 1);
    Step(Received{kTwo, VoteResponse{.term = next, .pre_vote = true, .granted = true}});
    Step(Received{kTwo, VoteResponse{.term = next, .pre_vote = false, .granted = true}});
    ASSERT_EQ(raft_.status().role, RoleName::kLeader);
  }
  // Node 3 says that it has only entry 0; what is asked for on its behalf.
  std::vector<LoadEntries> LagThree() {
    const auto& leader = std::get<Leader>(raft_.core().role());
    return Step(Received{kThree, AppendResponse{.term = raft_.status().hard_state.term,
                                                .success = false,
                                                .end = LogIndex(1),
                                                .hint_term = Term(0),
                                                .refused = Id(1, 2),
                                                .round = leader.round}})
        .loads;
  }
  static std::vector<LoadEntries> LoadsFor(NodeId peer, const Output& out) {
    std::vector<LoadEntries> loads;
    for (const LoadEntries& load : out.loads) {
      if (load.peer == peer) loads.push_back(load);
    }
    return loads;
  }
  static std::vector<AppendRequest> AppendsTo(NodeId peer, const Output& out) {
    std::vector<AppendRequest> appends;
    for (const Outgoing& message : out.messages) {
      const auto* append = std::get_if<AppendRequest>(&message.message);
      if (message.to == peer && append != nullptr && !append->entries.empty()) appends.push_back(*append);
    }
    return appends;
  }

  Instant now_ = Instant::FromMicros(1'000'000'000);
  Raft raft_;
};

TEST_F(Loading, APeerThatLagsIsSentWhatWasReadBackBehindTheEntryBeforeIt) {
  Lead();
  const auto loads = LagThree();
  ASSERT_EQ(loads.size(), 1);
  EXPECT_EQ(loads[0].peer, kThree);
  EXPECT_EQ(loads[0].begin, LogIndex(1));
  EXPECT_EQ(loads[0].end, LogIndex(4));
  EXPECT_TRUE(LagThree().empty()) << "one load at a time";
  const std::vector<Entry> entries = {Entry::Normal(Id(1, 1), "a"), Entry::Normal(Id(1, 2), "b")};
  const auto appends = AppendsTo(kThree, Step(EntriesLoaded{kThree, LogIndex(1), entries}));
  ASSERT_EQ(appends.size(), 1);
  EXPECT_EQ(appends[0].prev, (LogId{Term(0), kOne, LogIndex(0)}));
  EXPECT_EQ(appends[0].entries, entries);
}

TEST_F(Loading, WhatWasReadBackInAnEarlierLeadershipAndReplacedSinceIsNotSent) {
  Lead();
  ASSERT_EQ(LagThree().size(), 1);
  // Node 2 leads term 3 and replaces both entries; then this node leads again.
  Step(Received{kTwo, AppendRequest{.term = Term(3),
                                    .prev = LogId{Term(0), kOne, LogIndex(0)},
                                    .entries = {Entry::Normal(Id(3, 1), "x")},
                                    .commit_end = LogIndex(0),
                                    .round = 1}});
  ASSERT_EQ(raft_.status().last, Id(3, 1));
  now_ = now_ + Duration::Seconds(10);
  Lead();
  ASSERT_EQ(LagThree().size(), 1);
  const auto stale =
      Step(EntriesLoaded{kThree, LogIndex(1), {Entry::Normal(Id(1, 1), "a"), Entry::Normal(Id(1, 2), "b")}});
  EXPECT_TRUE(AppendsTo(kThree, stale).empty());
  // The next heartbeat asks again, and the true answer is used.
  now_ = raft_.next_deadline();
  const auto loads = LoadsFor(kThree, Step(Tick{}));
  ASSERT_EQ(loads.size(), 1);
  const auto appends = AppendsTo(kThree, Step(EntriesLoaded{kThree, LogIndex(1), {Entry::Normal(Id(3, 1), "x")}}));
  ASSERT_EQ(appends.size(), 1);
  EXPECT_EQ(appends[0].entries.front().id, Id(3, 1));
}

TEST_F(Loading, AnAnswerWithoutEntriesIsAskedForAgainOnlyAtTheNextHeartbeat) {
  Lead();
  ASSERT_EQ(LagThree().size(), 1);
  const Output out = Step(EntriesLoaded{kThree, LogIndex(1), {}});
  EXPECT_TRUE(LoadsFor(kThree, out).empty());
  EXPECT_TRUE(AppendsTo(kThree, out).empty());
  now_ = raft_.next_deadline();
  EXPECT_EQ(LoadsFor(kThree, Step(Tick{})).size(), 1);
}

TEST_F(Loading, EntriesToApplyAreReadBackInOrderAndNoneTwice) {
  const auto commit = [this](std::uint64_t end) {
    return Step(Received{
        kTwo,
        AppendRequest{.term = Term(3), .prev = Id(1, 2), .entries = {}, .commit_end = LogIndex(end), .round = 1}});
  };
  const Output asked = commit(2);
  EXPECT_TRUE(asked.committed.empty());
  ASSERT_EQ(asked.loads.size(), 1);
  EXPECT_EQ(asked.loads[0].peer, std::nullopt);
  EXPECT_EQ(asked.loads[0].begin, LogIndex(0));
  EXPECT_EQ(asked.loads[0].end, LogIndex(2));
  EXPECT_TRUE(commit(2).loads.empty()) << "one load at a time";
  const Entry first = Entry::OfMembership({Term(0), kOne, LogIndex(0)}, UniformMembership({kOne, kTwo, kThree}));
  const Output one = Step(EntriesLoaded{std::nullopt, LogIndex(0), {first}});
  ASSERT_EQ(one.committed.size(), 1);
  ASSERT_EQ(one.loads.size(), 1);
  EXPECT_EQ(one.loads[0].begin, LogIndex(1));
  // A snapshot takes over meanwhile; what it contains is not applied again.
  Step(SnapshotReceived{kTwo, Term(3), {Id(1, 2), std::nullopt, UniformMembership({kOne, kTwo, kThree})}});
  Step(SnapshotInstalled{{Id(1, 2), std::nullopt, UniformMembership({kOne, kTwo, kThree})}});
  const Output late =
      Step(EntriesLoaded{std::nullopt, LogIndex(1), {Entry::Normal(Id(1, 1), "a"), Entry::Normal(Id(1, 2), "b")}});
  EXPECT_TRUE(late.committed.empty());
  EXPECT_EQ(raft_.core().emitted_end(), LogIndex(3));
}

}  // namespace
}  // namespace metasrv
