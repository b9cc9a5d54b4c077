// Three nodes over a fake network: joining, passing on, losing the leader, leaving.
#include <gtest/gtest.h>

#include <set>

#include "node/wire.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::Machine;
using test::NodeWorld;
using test::PutCommand;

pb::ForwardRequest Join(std::uint64_t id, const Endpoint& endpoint, bool learner = false) {
  pb::ForwardRequest request;
  request.set_hops(1);
  request.mutable_join()->set_node_id(id);
  request.mutable_join()->set_host(endpoint.host);
  request.mutable_join()->set_port(endpoint.port);
  request.mutable_join()->set_learner(learner);
  return request;
}

pb::ForwardRequest Leave(std::uint64_t id, std::uint32_t hops = 1) {
  pb::ForwardRequest request;
  request.set_hops(hops);
  request.mutable_leave()->set_node_id(id);
  return request;
}

TEST(Cluster, GrowsFromOneToThreeAndEveryNodeServes) {
  NodeWorld world;
  world.GrowTo(3);
  EXPECT_EQ(world.node(1).status().raft.membership, UniformMembership({NodeId(1), NodeId(2), NodeId(3)}));
  EXPECT_EQ(world.node(1).status().nodes.size(), 3);
  for (std::uint64_t via = 1; via <= 3; ++via) {
    const std::string value = "v" + std::to_string(via);
    const WriteResult result = world.Put(via, "k", value);
    EXPECT_EQ(result.status, WriteStatus::kApplied) << result.detail;
    EXPECT_EQ(result.reply.kv().result().data(), value);
    EXPECT_EQ(result.forwarded_to, via == 1 ? std::nullopt : std::optional(NodeId(1)));
    EXPECT_EQ(result.entry.has_value(), via == 1);
    for (std::uint64_t reader = 1; reader <= 3; ++reader) EXPECT_EQ(world.Get(reader, "k"), value);
  }
}

// What it stores of a write has to be waited for: by a lone node and a follower, but not by a leader with followers.
TEST(Cluster, OnlyALeaderWithFollowersStoresInTheBackground) {
  NodeWorld lone;
  lone.GrowTo(1);
  ASSERT_EQ(lone.Put(1, "k", "v").status, WriteStatus::kApplied);
  EXPECT_FALSE(lone[1].log.written.back().in_background);
  NodeWorld world;
  world.GrowTo(3);
  ASSERT_EQ(world.Put(1, "k", "v").status, WriteStatus::kApplied);
  EXPECT_TRUE(world[1].log.written.back().in_background);
  EXPECT_FALSE(world[2].log.written.back().in_background);
}

TEST(Cluster, TwoNodesThatJoinAtTheSameMomentBothGetIn) {
  NodeWorld world;
  world.GrowTo(1);
  for (std::uint64_t id = 2; id <= 3; ++id) {
    world.Add(id).options.join = {world[1].endpoint};
    world.Start(id);
  }
  EXPECT_TRUE(world.RunUntil([&] { return world[2].started && world[3].started; }));
  EXPECT_TRUE(world[2].started->has_value());
  EXPECT_TRUE(world[3].started->has_value());
  EXPECT_EQ(world.node(1).status().raft.membership.Voters().size(), 3);
}

TEST(Cluster, ALearnerIsAddedWithoutAVoteAndPromotedByJoiningAgain) {
  NodeWorld world;
  world.GrowTo(1);
  Machine& machine = world.Add(2);
  machine.options.join = {world[1].endpoint};
  machine.options.learner = true;
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return machine.started.has_value(); }));
  ASSERT_TRUE(machine.started->has_value()) << machine.started->error();
  EXPECT_TRUE(world.node(1).status().raft.membership.IsLearner(NodeId(2)));
  EXPECT_EQ(world.Put(2, "k", "v").status, WriteStatus::kApplied);
  EXPECT_EQ(world.Get(2, "k"), "v");
  world.Crash(2);
  machine.options.learner = false;
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return machine.started.has_value(); }));
  EXPECT_TRUE(world.node(1).status().raft.membership.IsVoter(NodeId(2)));
}

TEST(Cluster, AVoterThatAsksAgainIsWelcomedAndNothingIsWritten) {
  NodeWorld world;
  world.GrowTo(2);
  const auto last = world.node(1).status().raft.last;
  EXPECT_EQ(world.Ask(1, Join(2, world[2].endpoint)).error(), pb::FORWARD_OK);
  EXPECT_EQ(world.Ask(1, Join(2, world[2].endpoint, true)).error(), pb::FORWARD_OK);  // and stays a voter
  EXPECT_EQ(world.node(1).status().raft.last, last);
  EXPECT_TRUE(world.node(1).status().raft.membership.IsVoter(NodeId(2)));
}

TEST(Cluster, AnotherMachineWithTheIdOfAVoterThatIsThereIsRefused) {
  NodeWorld world;
  world.GrowTo(3);
  const pb::ForwardReply reply = world.Ask(2, Join(3, {"elsewhere", 1}));
  EXPECT_EQ(reply.error(), pb::FORWARD_REFUSED);
  EXPECT_EQ(reply.detail(),
            "node id 3 is already a voter at host-3:28003; give the new node another id, or remove the old one first");
  world.Crash(3);
  world.loop.RunFor(Duration::Seconds(3));
  EXPECT_EQ(world.Ask(1, Join(3, {"elsewhere", 1})).error(), pb::FORWARD_OK);  // in doubt as ever
}

TEST(Cluster, AJoinIsAnsweredWhenTheNodeThatWasAskedShowsTheNewMember) {
  NodeWorld world;
  world.GrowTo(3);
  // The others commit the new membership while the leader's disk is still busy with it.
  world[1].log.on_write = [&](const io::LogBatch& batch) {
    for (const Entry& entry : batch.append) world[1].log.hold |= entry.kind == EntryKind::kMembership;
  };
  std::optional<bool> is_shown;
  world.node(1).Forward(Join(9, {"nowhere", 1}, true), [&](const pb::ForwardReply& reply) {
    EXPECT_EQ(reply.error(), pb::FORWARD_OK) << reply.detail();
    is_shown = world.node(1).status().applied_membership.IsLearner(NodeId(9));
  });
  ASSERT_TRUE(world.RunUntil([&] { return world[1].log.hold; }));
  world.loop.RunFor(Duration::Millis(100));
  EXPECT_FALSE(is_shown.has_value());
  world[1].log.hold = false;
  world[1].log.Release();
  ASSERT_TRUE(world.RunUntil([&] { return is_shown.has_value(); }));
  EXPECT_TRUE(*is_shown);
}

TEST(Cluster, ANodeThatJoinedWithAWrongAddressCanJoinWithTheRightOne) {
  NodeWorld world;
  world.GrowTo(1);
  Machine& machine = world.Add(2);
  machine.options.join = {world[1].endpoint};
  EXPECT_EQ(world.Ask(1, Join(2, {"nowhere", 1}, true)).error(), pb::FORWARD_OK);  // a learner, and never reached
  EXPECT_TRUE(world.node(1).status().raft.membership.IsLearner(NodeId(2)));
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return machine.started.has_value(); }));
  ASSERT_TRUE(machine.started->has_value()) << machine.started->error();
  EXPECT_TRUE(world.node(1).status().raft.membership.IsVoter(NodeId(2)));
}

TEST(Cluster, FiveNodesJoinAtOnceBesideOneThatNobodyCanReach) {
  NodeWorld world;
  world.GrowTo(1);
  std::optional<pb::ForwardReply> unreachable;
  world.node(1).Forward(Join(9, {"nowhere", 1}), [&](const pb::ForwardReply& reply) { unreachable = reply; });
  for (std::uint64_t id = 2; id <= 6; ++id) {
    world.Add(id).options.join = {world[1].endpoint};
    world.Start(id);
  }
  EXPECT_TRUE(world.RunUntil([&] { return world.node(1).status().raft.membership.Voters().size() == 6; },
                             Duration::Seconds(5)));
  EXPECT_FALSE(unreachable.has_value());
  for (std::uint64_t id = 2; id <= 6; ++id) {
    ASSERT_TRUE(world.RunUntil([&] { return world[id].started.has_value(); }));
    EXPECT_TRUE(world[id].started->has_value());
    EXPECT_FALSE(world[id].trace.Has("while joining cluster via"));  // nobody had to ask twice
  }
  EXPECT_TRUE(world.RunUntil([&] { return unreachable.has_value(); }));
  EXPECT_EQ(unreachable->error(), pb::FORWARD_REFUSED);
  EXPECT_FALSE(world.node(1).status().raft.membership.Contains(NodeId(9)));
}

TEST(Cluster, TwoNodesThatJoinAtOnceWithOneAddressDoNotBothGetIn) {
  NodeWorld world;
  world.GrowTo(1);
  std::vector<pb::ForwardReply> replies;
  for (std::uint64_t id = 2; id <= 3; ++id) {
    world.node(1).Forward(Join(id, {"same", 7}, true),
                          [&](const pb::ForwardReply& reply) { replies.push_back(reply); });
  }
  ASSERT_TRUE(world.RunUntil([&] { return replies.size() == 2; }));
  EXPECT_EQ(replies[0].detail(), "address same:7 is already used by node 2");
  EXPECT_EQ(replies[1].error(), pb::FORWARD_OK);
}

TEST(Cluster, ALeaveThatWouldCostTheQuorumIsRefusedAndNamesWhoIsMissing) {
  NodeWorld world;
  world.GrowTo(3);
  world.Crash(3);
  world.loop.RunFor(Duration::Seconds(3));
  const pb::ForwardReply reply = world.Ask(1, Leave(2));
  EXPECT_EQ(reply.error(), pb::FORWARD_REFUSED);
  EXPECT_EQ(reply.detail(),
            "node 2 can not leave: the voters that remain would have no quorum, because these can not be reached: "
            "3 at host-3:28003; bring them back, or remove them first");
  EXPECT_EQ(world.Ask(2, Leave(3)).error(), pb::FORWARD_OK);
  EXPECT_EQ(world.Ask(2, Leave(2)).error(), pb::FORWARD_OK);
}

TEST(Cluster, ARemovedMemberKnowsItAndJoinsAgainOnItsOldDisk) {
  NodeWorld world;
  world.GrowTo(3);
  EXPECT_EQ(world.Ask(1, Leave(3)).error(), pb::FORWARD_OK);
  world.loop.RunFor(Duration::Seconds(3));
  EXPECT_FALSE(world.node(3).status().applied_membership.Contains(NodeId(3)));
  world.Crash(3);
  world.Start(3);
  ASSERT_TRUE(world.RunUntil([&] { return world[3].started.has_value(); }));
  EXPECT_TRUE(world[3].started->has_value());
  EXPECT_TRUE(world.node(1).status().raft.membership.IsVoter(NodeId(3)));
}

TEST(Cluster, AnAddressThatAnotherMemberUsesIsRefused) {
  NodeWorld world;
  world.GrowTo(2);
  const pb::ForwardReply reply = world.Ask(1, Join(3, world[2].endpoint));
  EXPECT_EQ(reply.error(), pb::FORWARD_REFUSED);
  EXPECT_EQ(reply.detail(), "address host-2:28003 is already used by node 2");
}

TEST(Cluster, ANodeThatNeverAnswersIsTakenOutAgainAndServiceGoesOn) {
  NodeWorld world;
  world.GrowTo(1);
  const pb::ForwardReply reply = world.Ask(1, Join(2, {"nowhere", 1}));
  EXPECT_EQ(reply.error(), pb::FORWARD_REFUSED) << reply.detail();
  EXPECT_FALSE(world.node(1).status().raft.membership.Contains(NodeId(2)));
  EXPECT_FALSE(world.node(1).status().nodes.contains(NodeId(2)));
  EXPECT_EQ(world.Put(1, "k", "v").status, WriteStatus::kApplied);
}

TEST(Cluster, JoiningSkipsTheOwnAddressAndReportsEveryError) {
  NodeWorld world;
  Machine& machine = world.Add(2);
  machine.options.join = {machine.endpoint, {"nowhere", 1}};
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return machine.started.has_value(); }));
  ASSERT_FALSE(machine.started->has_value());
  EXPECT_EQ(machine.started->error(),
            "fail to join node-2 to cluster via [host-2:28003, nowhere:1], errors: no answer from nowhere:1: "
            "nobody listens; no answer from nowhere:1: nobody listens; no answer from nowhere:1: nobody listens");
}

TEST(Cluster, ARestartedMemberDoesNotJoinAgain) {
  NodeWorld world;
  world.GrowTo(3);
  world.Crash(3);
  world.Start(3);
  ASSERT_TRUE(world.RunUntil([&] { return world[3].started.has_value(); }));
  EXPECT_TRUE(world[3].started->has_value());
  EXPECT_TRUE(world[3].trace.Has("Did not join: node 3 already in cluster"));
}

TEST(Cluster, AChangedAddressIsPublishedByRegistering) {
  NodeWorld world;
  world.GrowTo(3);
  world.Crash(3);
  Machine& machine = world[3];
  machine.endpoint = {"moved", 1};
  machine.options.raft_advertise = machine.endpoint;
  world.Crash(3);
  world.Start(3);
  ASSERT_TRUE(world.RunUntil([&] { return machine.started.has_value(); }));
  ASSERT_TRUE(machine.started->has_value()) << machine.started->error();
  EXPECT_EQ(world.node(1).status().nodes.at(NodeId(3)).addr(), "moved");
  EXPECT_EQ(world.Get(3, "k"), "");
}

TEST(Cluster, AMemberLeavesThroughAnyNode) {
  NodeWorld world;
  world.GrowTo(3);
  EXPECT_EQ(world.Ask(3, Leave(3)).error(), pb::FORWARD_OK);
  EXPECT_EQ(world.node(1).status().raft.membership, UniformMembership({NodeId(1), NodeId(2)}));
  EXPECT_FALSE(world.node(1).status().nodes.contains(NodeId(3)));
  EXPECT_EQ(world.Put(2, "k", "v").status, WriteStatus::kApplied);
}

TEST(Cluster, TheLeaderDoesNotLeaveThroughItself) {
  NodeWorld world;
  world.GrowTo(2);
  const pb::ForwardReply reply = world.Ask(2, Leave(1));
  EXPECT_EQ(reply.error(), pb::FORWARD_REFUSED);
  EXPECT_EQ(reply.detail(), "fail to leave: can not leave id=1 via itself, source: leave-via-self");
  EXPECT_EQ(reply.leader(), 1);
}

TEST(Cluster, AnUnknownIdLeavesWithoutAnError) {
  NodeWorld world;
  world.GrowTo(1);
  EXPECT_EQ(world.Ask(1, Leave(77)).error(), pb::FORWARD_OK);
}

TEST(Cluster, ARequestWithoutHopsIsNotPassedOn) {
  NodeWorld world;
  world.GrowTo(2);
  const pb::ForwardReply reply = world.Ask(2, Leave(77, 0));
  EXPECT_EQ(reply.error(), pb::FORWARD_TOO_MANY_HOPS);
  EXPECT_EQ(reply.leader(), 1);
}

TEST(Cluster, AWriteThatMustStayHereIsNotPassedOn) {
  NodeWorld world;
  world.GrowTo(2);
  std::optional<WriteResult> result;
  world.node(2).WriteHere(PutCommand("k", "v"), [&](WriteResult answer) { result = std::move(answer); });
  ASSERT_TRUE(world.RunUntil([&] { return result.has_value(); }));
  EXPECT_EQ(result->status, WriteStatus::kNoLeader);
  EXPECT_EQ(world.node(2).leader(), NodeId(1));
}

TEST(Cluster, APassedOnWriteWhoseAnswerGetsLostIsUnknownAndNotRepeated) {
  NodeWorld world;
  world.GrowTo(2);
  world.network.lose_replies = true;
  const WriteResult result = world.Put(2, "k", "v");
  EXPECT_EQ(result.status, WriteStatus::kUnknown);
  world.network.lose_replies = false;
  EXPECT_EQ(world.Get(2, "k"), "v");
  EXPECT_EQ(world.node(1).status().last_seq, 1);
}

TEST(Cluster, AWriteWhoseLeaderCanNotBeConnectedToWaitsForIt) {
  NodeWorld world;
  world.GrowTo(2);
  world.network.refuses_calls = {world[1].endpoint};
  std::optional<WriteResult> result;
  world.node(2).Write(PutCommand("k", "v"), [&](WriteResult answer) { result = std::move(answer); });
  world.loop.RunFor(Duration::Seconds(10));
  EXPECT_FALSE(result.has_value());
  world.network.refuses_calls.clear();
  world.loop.RunFor(Duration::Seconds(2));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->status, WriteStatus::kApplied);
  EXPECT_EQ(world.node(1).status().last_seq, 1);
}

TEST(Cluster, AWriteWhoseLeaderCanNotBeConnectedToSaysSoAtItsDeadline) {
  NodeWorld world;
  world.GrowTo(2);
  world.network.refuses_calls = {world[1].endpoint};
  const Instant start = world.loop.Now();
  const WriteResult result = world.Put(2, "k", "v");
  EXPECT_EQ(result.status, WriteStatus::kUnreachable);
  EXPECT_EQ(result.detail, "node 1 leads and can not be reached source: nobody listens");
  EXPECT_GE(world.loop.Now() - start, Duration::Seconds(18));
  EXPECT_LE(world.loop.Now() - start, Duration::Seconds(20));
}

TEST(Cluster, AWriteWhoseLeaderIsGoneGoesToTheNextOne) {
  NodeWorld world;
  world.GrowTo(3);
  world.Crash(1);
  EXPECT_EQ(world.Put(2, "k", "v").status, WriteStatus::kApplied);
}

TEST(Cluster, ALeaderThatIsStoppedAnswersItsWritesUnknown) {
  NodeWorld world;
  world.GrowTo(3);
  world.network.cut_off = {world[2].endpoint, world[3].endpoint};
  std::vector<WriteStatus> answers;
  for (int i = 0; i < 5; ++i) {
    world.node(1).Write(PutCommand("k", "v"), [&](const WriteResult& result) { answers.push_back(result.status); });
  }
  world.loop.RunFor(Duration::Millis(100));
  EXPECT_TRUE(answers.empty());
  world.node(1).Stop();
  EXPECT_EQ(answers, std::vector(5, WriteStatus::kUnknown));
}

TEST(Cluster, ADeposedLeadersWriteIsUnknownWhileItIsAloneAndLostOnceAnotherEntryTookItsPlace) {
  NodeWorld world;
  world.GrowTo(3);
  std::vector<WriteStatus> answers;
  const auto note = [&](const WriteResult& result) { answers.push_back(result.status); };
  world.network.cut_off = {world[1].endpoint};
  world.node(1).Write(PutCommand("k", "lost"), note);
  world.loop.RunFor(Duration::Seconds(4));
  EXPECT_EQ(answers, std::vector{WriteStatus::kUnknown});
  EXPECT_NE(world.node(1).leader(), NodeId(1));
  // A short separation: the answer comes from the next leader's log.
  world.network.cut_off.clear();
  ASSERT_TRUE(world.RunUntil([&] { return world.node(1).leader().has_value(); }));
  const std::uint64_t leader = world.node(1).leader()->value();
  ASSERT_NE(leader, 1);
  answers.clear();
  world.network.cut_off = {world[leader].endpoint};
  world.loop.RunFor(Duration::Millis(800));
  world.node(leader).Write(PutCommand("k", "replaced"), note);
  ASSERT_TRUE(world.RunUntil([&] { return world.node(1).leader() && world.node(1).leader()->value() != leader; }));
  EXPECT_TRUE(answers.empty());
  world.network.cut_off.clear();
  ASSERT_TRUE(world.RunUntil([&] { return !answers.empty(); }));
  EXPECT_EQ(answers, std::vector{WriteStatus::kNoLeader});
  EXPECT_EQ(world.Get(1, "k"), "");
}

TEST(Cluster, WritesAndReadsWaitForANewLeader) {
  NodeWorld world;
  world.GrowTo(3);
  world.Put(1, "k", "old");
  world.Crash(1);
  ASSERT_TRUE(world.RunUntil([&] { return !world.node(2).leader() || world.node(2).leader() != NodeId(1); }));
  EXPECT_EQ(world.Put(2, "k", "new").status, WriteStatus::kApplied);
  EXPECT_EQ(world.Get(2, "k"), "new");
  EXPECT_EQ(world.Get(3, "k"), "new");
  EXPECT_GE(world.node(2).status().leader_changes, 2);
}

TEST(Cluster, EveryRequestIsAnsweredExactlyOnceThroughCrashesAndPartitions) {
  NodeWorld world;
  world.GrowTo(3);
  std::map<int, int> answers;
  int issued = 0;
  const auto issue = [&] {
    for (std::uint64_t id = 1; id <= 3; ++id) {
      if (!world[id].node) continue;
      const int write = issued++;
      const int read = issued++;
      world.node(id).Write(PutCommand("k" + std::to_string(write), "v"),
                           [&answers, write](const WriteResult&) { ++answers[write]; });
      world.node(id).Read([&answers, read](const ReadResult&) { ++answers[read]; });
    }
  };
  for (int round = 0; round < 12; ++round) {
    issue();
    world.loop.RunFor(Duration::Millis(3));
    issue();
    const std::uint64_t victim = 1 + static_cast<std::uint64_t>(round) % 3;
    if (round % 2 == 0) {
      world.network.cut_off = {world[victim].endpoint};
    } else {
      world.Crash(victim);
      world.StartBare(victim);
    }
    world.loop.RunFor(Duration::Millis(700 * (1 + round % 4)));
    world.network.cut_off.clear();
  }
  world.loop.RunFor(Duration::Seconds(30));
  EXPECT_EQ(answers.size(), static_cast<std::size_t>(issued));
  for (const auto& [request, count] : answers) EXPECT_EQ(count, 1) << request;
  const std::uint64_t leader = world.AwaitLeader();
  EXPECT_EQ(world.Put(leader, "end", "v").status, WriteStatus::kApplied);
  for (std::uint64_t id = 1; id <= 3; ++id) EXPECT_EQ(world.Get(id, "end"), "v");
}

TEST(Cluster, MessagesForSomebodyElseAndGarbageAreDropped) {
  NodeWorld world;
  world.GrowTo(2);
  const HardState before = world.node(1).status().raft.hard_state;
  test::FakeTransport stranger(world.network, {"stranger", 1});
  MessageEncoder encoder({NodeId(8), {"stranger", 1}});
  stranger.Send(world[1].endpoint, encoder.Encode(NodeId(5), Message(AppendRequest{Term(99), {}, {}, LogIndex(0), 0})));
  stranger.Send(world[1].endpoint, "garbage");
  world.loop.RunFor(Duration::Millis(10));
  EXPECT_EQ(world.node(1).status().raft.hard_state, before);
  EXPECT_TRUE(world[1].trace.Has("a malformed message was dropped"));
}

}  // namespace
}  // namespace metasrv::node
