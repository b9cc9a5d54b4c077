// Catching up by snapshot: when the log no longer reaches back far enough.
#include <gtest/gtest.h>

#include "consensus/core.h"
#include "node/snapshot_pin.h"
#include "node/wire.h"
#include "sm/state_hash.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::Machine;
using test::NodeWorld;

class Snapshots : public ::testing::Test {
 protected:
  // One node with a state that takes several pieces, and a purged log.
  void Prepare() {
    Machine& machine = world.Add(1);
    machine.options.single = true;
    machine.options.snapshot_logs_since_last = 20;
    machine.options.max_applied_log_to_keep = 2;
    machine.options.snapshot_chunk_bytes = 200;
    world.Start(1);
    ASSERT_TRUE(world.RunUntil([&] { return machine.started.has_value(); }));
    for (int i = 0; i < 60; ++i) world.Put(1, "key" + std::to_string(i), "value" + std::to_string(i));
    ASSERT_TRUE(world.node(1).status().raft.purged);
  }
  Machine& AddJoiner() {
    Machine& machine = world.Add(2);
    machine.options.join = {world[1].endpoint};
    return machine;
  }

  NodeWorld world;
};

TEST_F(Snapshots, AJoinerGetsTheStateAndThenTheLog) {
  Prepare();
  Machine& joiner = AddJoiner();
  std::vector<LogIndex> installed;
  world.StartBare(2);
  world.node(2).SetInstallHook([&](const LogId& last) { installed.push_back(last.index); });
  world.node(2).JoinAndRegister([](const std::string&) {}, [&](auto result) { joiner.started = std::move(result); });
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  ASSERT_TRUE(joiner.started->has_value()) << joiner.started->error();
  EXPECT_EQ(installed.size(), 1);
  for (const int i : {0, 30, 59}) EXPECT_EQ(world.Get(2, "key" + std::to_string(i)), "value" + std::to_string(i));
  EXPECT_EQ(world.Put(2, "new", "v").status, WriteStatus::kApplied);
  EXPECT_EQ(world.Get(2, "new"), "v");
  const NodeStatus status = world.node(2).status();
  EXPECT_EQ(status.snapshot_rows.total(), 60);
  EXPECT_EQ(status.nodes.size(), 2);
  EXPECT_EQ(status.raft.membership, world.node(1).status().raft.membership);
}

TEST_F(Snapshots, AMemberThatGotASnapshotRestartsFromIt) {
  Prepare();
  Machine& joiner = AddJoiner();
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  world.Crash(2);
  world.Put(1, "unreachable", "v");
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  EXPECT_TRUE(joiner.started->has_value());
  EXPECT_EQ(world.Get(2, "key7"), "value7");
}

TEST_F(Snapshots, ACrashBetweenTheInstalledStateAndTheLogsResetIsRepaired) {
  Prepare();
  Machine& joiner = AddJoiner();
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  // The state has all that was acknowledged: what the log is about to lose must not be missed.
  ASSERT_TRUE(world.RunUntil([&] { return world.node(2).status().last_applied == world.node(1).status().raft.last; }));
  world.Crash(2);
  // As if the reset of the log, and everything after it, had not become durable.
  joiner.log.contents.purged.reset();
  joiner.log.contents.entries = {Entry::Blank({Term(0), NodeId(1), LogIndex(0)})};
  world.Start(2);
  EXPECT_TRUE(joiner.trace.Has("log reset: the state is ahead of it"));
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  EXPECT_TRUE(joiner.started->has_value());
  EXPECT_EQ(world.Get(2, "key7"), "value7");
}

TEST_F(Snapshots, LostPiecesAreSentAgain) {
  Prepare();
  Machine& joiner = AddJoiner();
  world.Start(2);
  // The first pieces arrive, then the link is down for a while.
  world.RunUntil([&] { return joiner.trace.Has("no such line"); }, Duration::Millis(8));
  world.network.cut_off = {joiner.endpoint};
  world.loop.RunFor(Duration::Seconds(2));
  world.network.cut_off.clear();
  ASSERT_TRUE(world.RunUntil([&] { return joiner.started.has_value(); }));
  ASSERT_TRUE(joiner.started->has_value()) << joiner.started->error();
  EXPECT_EQ(world.Get(2, "key59"), "value59");
}

TEST(WipedMember, IsFilledAgainByTheNextLeader) {
  NodeWorld world;
  world.GrowTo(3);
  for (int i = 0; i < 40; ++i) world.Put(1, "key" + std::to_string(i), "v");
  world.Crash(2);
  Machine& wiped = world[2];
  wiped.log.contents = {};
  wiped.state = sm::MemStore();
  world.Start(2);
  ASSERT_TRUE(world.RunUntil([&] { return wiped.started.has_value(); }));
  EXPECT_TRUE(wiped.started->has_value()) << wiped.started->error();
  world.Crash(1);
  world.Start(1);
  world.AwaitLeader();
  EXPECT_EQ(world.Get(2, "key39"), "v");
}

// Speaks to nodes as a member would.
class Stranger {
 public:
  explicit Stranger(NodeWorld& world) : world_(world), transport_(world.network, {"stranger", 1}) {
    transport_.Start(
        [this](const std::string& bytes) {
          auto decoded = Decode(bytes);
          if (auto* ack = std::get_if<pb::SnapshotAck>(&decoded->body)) acks.push_back(*ack);
        },
        [](const std::string&, const io::Transport::Responder&) {});
  }
  void Offer(std::uint64_t to, std::uint64_t term, std::uint64_t index, std::uint64_t state_hash = 0) {
    pb::SnapshotOffer offer;
    offer.set_term(term);
    offer.set_transfer(5);
    *offer.mutable_snapshot() = IdOf({Term(term), NodeId(8), LogIndex(index)}, state_hash);
    Send(to, offer);
  }
  template <class Body>
  void Send(std::uint64_t to, const Body& body) {
    transport_.Send(world_[to].endpoint, encoder_.Encode(NodeId(to), body));
    world_.loop.RunFor(Duration::Millis(10));
  }

  std::vector<pb::SnapshotAck> acks;

 private:
  NodeWorld& world_;
  test::FakeTransport transport_;
  const MessageEncoder encoder_{{NodeId(8), {"stranger", 1}}};
};

pb::SnapshotChunk PieceOf(std::uint64_t term, const std::string& key) {
  pb::StateRows rows;
  rows.add_rows()->set_key(key);
  pb::SnapshotChunk chunk;
  chunk.set_term(term);
  chunk.set_transfer(5);
  chunk.set_rows(rows.SerializeAsString());
  chunk.set_crc(ChecksumOf(chunk));
  return chunk;
}

TEST_F(Snapshots, AnOfferOfAnEarlierTermIsRefusedAndAPieceOfNoTransferIsUnknown) {
  Prepare();
  Stranger stranger(world);
  stranger.Offer(1, 0, 1000);
  stranger.Send(1, PieceOf(1, "kx"));
  ASSERT_EQ(stranger.acks.size(), 2);
  EXPECT_TRUE(stranger.acks[0].refused());
  EXPECT_EQ(stranger.acks[0].term(), 1);
  EXPECT_TRUE(stranger.acks[1].unknown());
  EXPECT_EQ(stranger.acks[1].transfer(), 5);
}

TEST_F(Snapshots, WhatIsContainedAlreadyIsNotSentAtAll) {
  Prepare();
  Stranger stranger(world);
  stranger.Offer(1, 1, 7);
  ASSERT_EQ(stranger.acks.size(), 1);
  EXPECT_TRUE(stranger.acks[0].installed());
  EXPECT_EQ(stranger.acks[0].last().index(), 7);
}

TEST_F(Snapshots, APieceWithAWrongChecksumIsDroppedAndAskedForAgain) {
  Prepare();
  world.Add(3);
  world.StartBare(3);
  Stranger stranger(world);
  stranger.Offer(3, 4, 9);
  pb::SnapshotChunk piece = PieceOf(4, "kx");
  piece.mutable_rows()->back() ^= 1;
  stranger.Send(3, piece);
  ASSERT_EQ(stranger.acks.size(), 1);
  stranger.Send(3, PieceOf(4, "kx"));
  ASSERT_EQ(stranger.acks.size(), 2);
  EXPECT_EQ(stranger.acks[1].next(), 1);
  EXPECT_EQ(stranger.acks[1].rows_hash(), HashRow(0, "kx", ""));
}

TEST_F(Snapshots, ASnapshotWhoseRowsAreNotWhatWasAnnouncedIsNotInstalled) {
  Prepare();
  std::uint64_t id = 2;
  for (const bool rows_differ : {true, false}) {
    Machine& fresh = world.Add(++id);
    world.StartBare(id);
    Stranger stranger(world);
    stranger.Offer(id, 4, 9, rows_differ ? sm::RowHash("kx", "") : 77);
    pb::SnapshotChunk piece = PieceOf(4, "kx");
    *piece.mutable_done()->mutable_last() = IdOf({Term(4), NodeId(8), LogIndex(9)}, 0).last();
    piece.mutable_done()->set_rows_hash(rows_differ ? 1 : HashRow(0, "kx", ""));
    piece.set_crc(ChecksumOf(piece));
    stranger.Send(id, piece);
    EXPECT_TRUE(fresh.trace.Has("snapshot from node 8 is damaged"));
    EXPECT_TRUE(stranger.acks.back().refused());
    EXPECT_EQ(world.node(id).status().last_applied, std::nullopt);
    EXPECT_EQ(fresh.state.Staged(), std::nullopt);
  }
}

class Transfers : public Snapshots {
 protected:
  // The state of one node in many pieces, and a joiner that has got about half of them when the link is cut.
  void CutHalfWay(std::uint64_t keep_for_peers_bytes = node::NodeOptions().keep_for_peers_bytes) {
    Prepare();
    world[1].options.keep_for_peers_bytes = keep_for_peers_bytes;
    world[1].options.snapshot_stall = Duration::Seconds(3);
    world[1].options.snapshot_rate_bytes = 20'000;
    world.Crash(1);
    world.Start(1);
    world.AwaitLeader();
    for (int i = 0; i < 400; ++i) world.Put(1, "more" + std::to_string(i), "value");
    world.node(1).TriggerSnapshot();
    joiner = &AddJoiner();
    joiner->options.snapshot_chunk_bytes = 200;
    world.Start(2);
    const auto received = [&] { return world.node(2).status().transfers.received_bytes; };
    ASSERT_TRUE(world.RunUntil([&] { return received() > 10'000; }));
    world.network.cut_off = {joiner->endpoint};
  }
  [[nodiscard]] SnapshotFigures sent() { return world.node(1).status().transfers; }
  void ExpectFilled() {
    ASSERT_TRUE(world.RunUntil([&] { return joiner->started.has_value(); }));
    ASSERT_TRUE(joiner->started->has_value()) << joiner->started->error();
    EXPECT_EQ(world.Get(2, "more399"), "value");
    EXPECT_EQ(world.node(2).status().state_hash, world.node(1).status().state_hash);
  }
  [[nodiscard]] std::uint64_t ResumedAt() const {
    for (const TraceEvent& event : joiner->trace.events) {
      if (event.kind == TraceKind::kSnapshotReceiveResumed) return event.b;
    }
    return 0;
  }

  Machine* joiner = nullptr;
};

TEST_F(Transfers, GoOnWhereTheyEndedAfterALongCut) {
  CutHalfWay();
  world.loop.RunFor(Duration::Seconds(5));
  EXPECT_GE(sent().send_failures, 1);
  world.network.cut_off.clear();
  ExpectFilled();
  EXPECT_GE(sent().resumed, 1);
  EXPECT_GT(ResumedAt(), 20);
  // What was sent into the dark is sent again, and little more.
  EXPECT_LT(sent().resent_bytes * 100, sent().sent_bytes * 40);
}

TEST_F(Transfers, GoOnFromTheDiskOfAReceiverThatWasRestarted) {
  CutHalfWay();
  world.Crash(2);
  world.network.cut_off.clear();
  joiner->started.reset();
  world.Start(2);
  ExpectFilled();
  EXPECT_GT(ResumedAt(), 20);
  EXPECT_LT(sent().resent_bytes * 100, sent().sent_bytes * 15);
}

TEST_F(Transfers, BeginAgainWhenTheReceiversDiskIsGone) {
  CutHalfWay();
  world.Crash(2);
  world.network.cut_off.clear();
  joiner->state = sm::MemStore();
  joiner->started.reset();
  world.Start(2);
  ExpectFilled();
  EXPECT_EQ(ResumedAt(), 0);
}

TEST_F(Transfers, WhatIsStagedIsForgottenWhenNobodyGoesOnWithIt) {
  CutHalfWay();
  EXPECT_TRUE(joiner->state.Staged());
  world.loop.RunFor(Duration::Seconds(601));
  EXPECT_FALSE(joiner->state.Staged());
}

TEST_F(Transfers, KeepTheLogThatTheReceiverWillNeed) {
  CutHalfWay();
  for (int i = 0; i < 100; ++i) world.Put(1, "while" + std::to_string(i), "v");
  world.node(1).TriggerSnapshot();
  world.network.cut_off.clear();
  std::vector<LogIndex> installed;
  world.node(2).SetInstallHook([&](const LogId& last) { installed.push_back(last.index); });
  ExpectFilled();
  EXPECT_EQ(installed.size(), 1);
  EXPECT_EQ(world.Get(2, "while99"), "v");
}

TEST_F(Transfers, KeepNoMoreOfTheLogThanItsLimitInBytes) {
  CutHalfWay(1000);
  const LogIndex pinned = world.node(1).status().last_applied->index;
  for (int i = 0; i < 100; ++i) world.Put(1, "while" + std::to_string(i), "v");
  world.node(1).TriggerSnapshot();
  ASSERT_TRUE(world.RunUntil([&] { return world.node(1).raft().core().log().begin() > pinned; }));
  world.network.cut_off.clear();
  ExpectFilled();
  EXPECT_EQ(world.Get(2, "while99"), "v");
}

TEST_F(Transfers, OfSeveralPeersRunOneAfterTheOther) {
  CutHalfWay();
  Machine& second = world.Add(3);
  second.options.join = {world[1].endpoint};
  world.Start(3);
  world.loop.RunFor(Duration::Seconds(1));
  world.network.cut_off.clear();
  ExpectFilled();
  ASSERT_TRUE(world.RunUntil([&] { return second.started.has_value(); }));
  EXPECT_EQ(world.Get(3, "more399"), "value");
}

TEST_F(Transfers, KeepTheRateAndDelayNoHeartbeat) {
  CutHalfWay();
  world.network.cut_off.clear();
  const Instant began = world.loop.Now();
  const std::uint64_t before = sent().sent_bytes;
  const std::uint64_t term = world.node(2).status().raft.hard_state.term.value();
  ExpectFilled();
  const std::uint64_t bytes = sent().sent_bytes - before;
  const std::int64_t micros = (world.loop.Now() - began).micros();
  EXPECT_GE(micros, static_cast<std::int64_t>(bytes - 4000) * 50);
  EXPECT_EQ(world.node(2).status().raft.hard_state.term.value(), term);
}

}  // namespace
}  // namespace metasrv::node
