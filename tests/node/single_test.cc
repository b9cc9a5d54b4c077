// One node that is its own cluster: what it writes when it is founded, what it keeps, and how it answers.
#include <gtest/gtest.h>

#include "consensus/core.h"
#include "node/wire.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::Machine;
using test::NodeWorld;
using test::PutCommand;

class SingleNode : public ::testing::Test {
 protected:
  SingleNode() {
    Machine& machine = world.Add(1);
    machine.options.single = true;
  }
  void Start() {
    world.Start(1);
    ASSERT_TRUE(world.RunUntil([&] { return world[1].started.has_value(); }));
    ASSERT_TRUE(world[1].started->has_value());
  }
  static std::vector<Entry> LogOf(const ExportSource& source) { return test::LogOf(source); }
  static pb::Command CommandOf(const Entry& entry) {
    pb::Command command;
    EXPECT_TRUE(command.ParseFromString(*entry.payload));
    return command;
  }

  NodeWorld world;
};

TEST_F(SingleNode, FoundingWritesExactlyTheFiveEntriesOfTheSpecification) {
  Start();
  const ExportSource source = world.node(1).Export();
  const std::vector<Entry> log = LogOf(source);
  ASSERT_EQ(log.size(), 5);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(log[i].id, (LogId{Term(i == 0 ? 0 : 1), NodeId(1), LogIndex(i)}));
    EXPECT_EQ(log[i].id.leader, NodeId(1));
  }
  const Membership alone = UniformMembership({NodeId(1)});
  EXPECT_EQ(*log[0].membership, alone);
  EXPECT_EQ(log[1].kind, EntryKind::kBlank);
  EXPECT_EQ(*log[3].membership, alone);
  const pb::Command recorded = CommandOf(log[2]);
  const pb::Command registered = CommandOf(log[4]);
  EXPECT_FALSE(recorded.add_node().overriding());
  EXPECT_TRUE(registered.add_node().overriding());
  for (const pb::Command& command : {recorded, registered}) {
    EXPECT_EQ(command.add_node().node_id(), 1);
    EXPECT_EQ(command.add_node().node().name(), "1");
    EXPECT_EQ(command.add_node().node().addr(), "host-1");
    EXPECT_EQ(command.add_node().node().port(), 28003);
    EXPECT_EQ(command.add_node().node().grpc_api_advertise_address(), "host-1:9191");
    EXPECT_TRUE(command.has_time_ms());
  }
  EXPECT_EQ(source.node_id, NodeId(1));
  EXPECT_EQ(source.hard_state, (HardState{Term(1), NodeId(1), true}));
  EXPECT_EQ(source.committed, (LogId{Term(1), NodeId(1), LogIndex(4)}));
  EXPECT_EQ(source.purged, std::nullopt);
}

TEST_F(SingleNode, RegistrationPrintsTheLinesThatScriptsKnow) {
  Start();
  const std::vector<std::string> expected{
      "Wait for 180s for active leader...",
      "Leader Id: 1",
      "    Metrics: id=1, Leader, term=1, last_log=Some(3), last_applied=Some(T1-N1.3), "
      "membership={log_id:Some(T1-N1.3), {voters:[{1:EmptyNode}], learners:[]}}",
      "",
      "Register this node: {id=1 raft=host-1:28003 grpc=host-1:9191}",
      "",
      "    Register-node: Ok"};
  EXPECT_EQ(world[1].lines, expected);
  EXPECT_TRUE(world[1].trace.Has("Initialized with: {1}"));
  EXPECT_TRUE(world[1].trace.Has("applied AddNode(overriding): id=1"));
}

TEST_F(SingleNode, AWriteIsReadBack) {
  Start();
  const WriteResult result = world.Put(1, "k", "v");
  EXPECT_EQ(result.status, WriteStatus::kApplied);
  ASSERT_TRUE(result.entry);
  EXPECT_EQ(result.entry->index, LogIndex(5));
  EXPECT_EQ(result.reply.kv().result().data(), "v");
  EXPECT_EQ(result.forwarded_to, std::nullopt);
  EXPECT_EQ(world.Get(1, "k"), "v");
  EXPECT_EQ(world.node(1).status().last_seq, 1);
}

TEST_F(SingleNode, WritesOfOneTurnShareOneAppend) {
  Start();
  const std::size_t before = world[1].log.written.size();
  int answered = 0;
  for (int i = 0; i < 10; ++i) {
    world.node(1).Write(PutCommand("k" + std::to_string(i), "v"), [&](const WriteResult& result) {
      EXPECT_EQ(result.status, WriteStatus::kApplied);
      ++answered;
    });
  }
  world.loop.RunReady();
  EXPECT_EQ(answered, 10);
  EXPECT_EQ(world[1].log.written.size(), before + 1);
}

TEST_F(SingleNode, ARestartKeepsTheDataAndFoundsNothing) {
  Start();
  world.Put(1, "k", "v");
  world.Crash(1);
  Start();
  EXPECT_EQ(world.Get(1, "k"), "v");
  const std::vector<Entry> log = LogOf(world.node(1).Export());
  // 0-4 as founded, the write, the new term's blank entry, the registration.
  ASSERT_EQ(log.size(), 8);
  EXPECT_EQ(log[6].kind, EntryKind::kBlank);
  EXPECT_TRUE(CommandOf(log[7]).add_node().overriding());
  EXPECT_TRUE(world[1].trace.Has("Already initialized: "));
}

TEST_F(SingleNode, TheStoredIdWinsOverTheConfiguredOne) {
  Start();
  world.Crash(1);
  world[1].options.raft.id = NodeId(9);
  Start();
  EXPECT_EQ(world.node(1).id(), NodeId(1));
  EXPECT_TRUE(world[1].trace.Has("the configured id 9 is ignored"));
  EXPECT_EQ(world.node(1).status().nodes.size(), 1);
}

TEST_F(SingleNode, TheCommitPointIsNeverWrittenOnItsOwn) {
  Start();
  world.Put(1, "k", "v");
  EXPECT_EQ(world.node(1).Export().committed->index, LogIndex(5));
  world.node(1).TriggerSnapshot();
  world.loop.RunReady();
  world.Crash(1);
  EXPECT_EQ(world[1].log.contents.committed->index, LogIndex(4));
  for (const io::LogBatch& batch : world[1].log.written) {
    if (batch.committed) {
      EXPECT_TRUE(batch.hard_state || !batch.append.empty());
    }
  }
}

TEST_F(SingleNode, LogTimeDoesNotRunBackwards) {
  Start();
  world.loop.SetWall(2'000'000'000'000);
  world.Put(1, "a", "1");
  world.loop.SetWall(1'000'000'000'000);
  world.Put(1, "b", "2");
  world.Crash(1);
  Start();
  world.Put(1, "c", "3");
  std::uint64_t last = 0;
  for (const Entry& entry : LogOf(world.node(1).Export())) {
    if (entry.kind != EntryKind::kNormal) continue;
    const std::uint64_t time = CommandOf(entry).time_ms();
    EXPECT_GE(time, last);
    last = time;
  }
  EXPECT_EQ(last, 2'000'000'000'000);
}

TEST_F(SingleNode, AWriteWhoseDiskIsSlowIsUnknownAfterTheTimeoutAndStillTakesEffect) {
  Start();
  world[1].log.hold = true;
  const WriteResult result = world.Put(1, "k", "v");
  EXPECT_EQ(result.status, WriteStatus::kUnknown);
  world[1].log.Release();
  EXPECT_EQ(world.Get(1, "k"), "v");
}

TEST_F(SingleNode, StoppingAnswersEverythingOnce) {
  Start();
  world[1].log.hold = true;
  std::vector<WriteStatus> writes;
  std::vector<ReadStatus> reads;
  const auto note = [&](const WriteResult& result) { writes.push_back(result.status); };
  world.node(1).Write(PutCommand("proposed", "v"), note);
  world.loop.RunReady();
  world.node(1).Write(PutCommand("queued", "v"), note);
  world.node(1).Read([&](const ReadResult& result) { reads.push_back(result.status); });
  world.node(1).Stop();
  EXPECT_EQ(writes, (std::vector{WriteStatus::kStopped, WriteStatus::kUnknown}));
  EXPECT_EQ(reads, std::vector{ReadStatus::kStopped});
  world.node(1).Write(PutCommand("late", "v"), note);
  world.node(1).Read([&](const ReadResult& result) { reads.push_back(result.status); });
  world.node(1).Stop();
  world[1].log.Release();
  world.loop.RunFor(Duration::Seconds(60));
  EXPECT_EQ(writes.size(), 3);
  EXPECT_EQ(writes.back(), WriteStatus::kStopped);
  EXPECT_EQ(reads.size(), 2);
  EXPECT_TRUE(world.node(1).status().stopped);
}

TEST_F(SingleNode, AnswersThatCallBackIntoTheNodeAreServed) {
  Start();
  int chained = 0;
  world.node(1).Write(PutCommand("a", "1"), [&](const WriteResult&) {
    world.node(1).Write(PutCommand("b", "2"), [&](const WriteResult& result) {
      EXPECT_EQ(result.status, WriteStatus::kApplied);
      ++chained;
      world.node(1).Stop();
    });
  });
  world.loop.RunFor(Duration::Seconds(1));
  EXPECT_EQ(chained, 1);
}

TEST_F(SingleNode, ABrokenDiskStopsTheNodeOnceAndAcknowledgesNothing) {
  Start();
  world[1].log.fail = true;
  const WriteResult result = world.Put(1, "k", "v");
  EXPECT_EQ(result.status, WriteStatus::kUnknown);
  EXPECT_EQ(world[1].fatal.size(), 1);
  EXPECT_TRUE(world[1].fatal.front().contains("the fake disk is broken"));
  EXPECT_EQ(world.Put(1, "k", "v").status, WriteStatus::kStopped);
  EXPECT_EQ(world[1].trace.events.back().kind, TraceKind::kStopped);
  EXPECT_EQ(world[1].trace.events.back().a, 1);
}

TEST_F(SingleNode, ACommandThatIsTooLargeIsRefused) {
  world[1].options.command_bytes_max = 1000;
  Start();
  EXPECT_EQ(world.Put(1, "k", std::string(2000, 'x')).status, WriteStatus::kRefused);
  // Within a few bytes of the limit the log time decides.
  EXPECT_EQ(world.Put(1, "k", std::string(983, 'x')).status, WriteStatus::kRefused);
  EXPECT_EQ(world.Put(1, "k", std::string(900, 'x')).status, WriteStatus::kApplied);
}

TEST_F(SingleNode, MoreWritesThanMayWaitAreTurnedAway) {
  world[1].options.pending_writes_max = 2;
  Start();
  std::vector<WriteStatus> answers;
  for (int i = 0; i < 3; ++i) {
    world.node(1).Write(PutCommand("k", "v"), [&](const WriteResult& result) { answers.push_back(result.status); });
  }
  world.loop.RunReady();
  EXPECT_EQ(answers, (std::vector{WriteStatus::kBusy, WriteStatus::kApplied, WriteStatus::kApplied}));
  EXPECT_EQ(world.node(1).status().proposals_pending, 0);
  EXPECT_EQ(world.node(1).status().proposals_failed, 1);
}

TEST_F(SingleNode, ChangesAreReportedInLogOrderAndOnce) {
  Start();
  std::vector<std::string> keys;
  LogIndex last;
  world.node(1).SetChangeHook([&](const sm::Applied& applied) {
    EXPECT_GT(applied.id.index, last);
    last = applied.id.index;
    for (const sm::Change& change : applied.changes) keys.push_back(change.key);
  });
  for (const char* key : {"a", "b", "a"}) world.Put(1, key, "v");
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b", "a"}));
}

TEST_F(SingleNode, AFlushPurgesTheLogBehindTheEntriesToKeep) {
  world[1].options.snapshot_logs_since_last = 10;
  world[1].options.max_applied_log_to_keep = 3;
  Start();
  EXPECT_EQ(world.node(1).status().snapshot, std::nullopt);
  for (int i = 0; i < 5; ++i) world.Put(1, "k" + std::to_string(i), "v");
  world.loop.RunReady();
  const NodeStatus status = world.node(1).status();
  ASSERT_TRUE(status.snapshot);
  EXPECT_EQ(status.snapshot->index, LogIndex(9));
  EXPECT_EQ(status.snapshot_rows.total(), 5);
  ASSERT_TRUE(status.raft.purged);
  EXPECT_EQ(status.raft.purged->index, LogIndex(6));
  EXPECT_EQ(world.node(1).Export().purged, status.raft.purged);
  world.Crash(1);
  Start();
  EXPECT_EQ(world.Get(1, "k4"), "v");
  EXPECT_EQ(world.node(1).Export().purged->index, LogIndex(6));
}

TEST_F(SingleNode, ExportsTheWholeLogAlsoWhenOnlyItsNewestEntriesAreInMemory) {
  Start();
  for (int i = 0; i < 5; ++i) world.Put(1, "k" + std::to_string(i), "v");
  const std::vector<Entry> whole = LogOf(world.node(1).Export());
  world.Crash(1);
  world[1].options.raft.log_cache.items_max = 2;
  Start();
  world.Put(1, "k6", "v");
  const ExportSource source = world.node(1).Export();
  EXPECT_LE(world.node(1).raft().core().log().end().value() - world.node(1).raft().core().log().cached_begin().value(),
            2);
  world.Put(1, "k7", "v");  // after the export began
  const std::vector<Entry> again = LogOf(source);
  ASSERT_EQ(again.size(), whole.size() + 3);  // a blank entry, the registration, the write
  EXPECT_TRUE(std::equal(whole.begin(), whole.end(), again.begin()));
  EXPECT_EQ(again.back().id.index.value() + 1, again.size());
}

TEST_F(SingleNode, ALongUnappliedLogIsReadBackInBatchesAndAppliedInOrder) {
  world[1].options.snapshot_logs_since_last = 1000;
  Start();
  for (int i = 0; i < 40; ++i) world.Put(1, "k" + std::to_string(i), std::to_string(i));
  world.Crash(1);
  world[1].state = sm::MemStore();  // as after a power cut: nothing was flushed
  world[1].options.raft.log_cache.items_max = 3;
  world[1].options.raft.apply_bytes_max = 300;
  Start();
  EXPECT_GT(world[1].log.reads, 5);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(world.Get(1, "k" + std::to_string(i)), std::to_string(i));
  EXPECT_TRUE(world[1].fatal.empty());
}

TEST_F(SingleNode, StopsWhenAnEntryThatWaitsToBeAppliedIsNotInTheStore) {
  world[1].options.snapshot_logs_since_last = 1000;
  Start();
  for (int i = 0; i < 10; ++i) world.Put(1, "k" + std::to_string(i), "v");
  world.Crash(1);
  world[1].state = sm::MemStore();
  world[1].options.raft.log_cache.items_max = 0;
  world.StartBare(1);
  world[1].log.contents.entries.clear();
  world.loop.RunFor(Duration::Seconds(5));
  ASSERT_EQ(world[1].fatal.size(), 1);
  EXPECT_TRUE(world[1].fatal[0].contains("log store: entry 0 is missing")) << world[1].fatal[0];
}

TEST_F(SingleNode, WritesThatArriveWhileTheDiskIsBusyGoToItTogether) {
  Start();
  std::vector<WriteStatus> answers;
  const auto write = [&](const std::string& key) {
    world.node(1).Write(PutCommand(key, "v"), [&](const WriteResult& result) { answers.push_back(result.status); });
    world.loop.RunReady();
  };
  const std::size_t before = world[1].log.written.size();
  world[1].log.hold = true;
  for (const char* key : {"a", "b", "c", "d"}) write(key);
  EXPECT_EQ(world[1].log.written.size(), before + 1);
  world[1].log.hold = false;
  world[1].log.Release();
  world.loop.RunReady();
  EXPECT_EQ(answers, std::vector(4, WriteStatus::kApplied));
  EXPECT_EQ(world[1].log.written.size(), before + 2);
  EXPECT_EQ(world.Get(1, "d"), "v");
}

TEST_F(SingleNode, AWriteThatAHangingDiskNeverGotToIsRefusedForSure) {
  Start();
  std::vector<WriteStatus> answers(2);
  world[1].log.hold = true;
  for (WriteStatus& answer : answers) {
    answer = WriteStatus::kStopped;
    world.node(1).Write(PutCommand("k", "v"), [&answer](const WriteResult& result) { answer = result.status; });
    world.loop.RunReady();
  }
  world.loop.RunFor(world[1].options.write_timeout + Duration::Seconds(1));
  EXPECT_EQ(answers, (std::vector{WriteStatus::kUnknown, WriteStatus::kNoLeader}));
}

TEST_F(SingleNode, FlushesAreAtLeastThePauseApartButNotForgotten) {
  world[1].options.snapshot_logs_since_last = 10;
  world[1].options.snapshot_pause = Duration::Seconds(3);
  Start();
  const auto put = [&](int count) {
    for (int i = 0; i < count; ++i) world.Put(1, "k" + std::to_string(i), "v");
    world.loop.RunReady();
    return world.node(1).status().snapshot;
  };
  const auto first = put(15);
  ASSERT_TRUE(first);
  EXPECT_EQ(put(40), first);
  const auto applied = world.node(1).status().last_applied;
  world.loop.RunFor(Duration::Seconds(3));
  EXPECT_EQ(world.node(1).status().snapshot, applied);
}

TEST(NodeWithoutACluster, TellsReadersAndWritersThatNobodyLeads) {
  NodeWorld world;
  world.Add(4);
  world.StartBare(4);
  EXPECT_EQ(world.Put(4, "k", "v").status, WriteStatus::kNoLeader);
  EXPECT_EQ(world.Get(4, "k"), "?");
  EXPECT_EQ(world[4].log.contents.node_id, NodeId(4));
  EXPECT_TRUE(world[4].log.contents.entries.empty());
}

TEST(NodeWithoutACluster, AnswersReadersAndWritersWithinABoundedTime) {
  NodeWorld world;
  world.Add(4).options.leader_wait = Duration::Millis(700);
  world.StartBare(4);
  for (const bool write : {true, false}) {
    const Instant asked = world.loop.Now();
    write ? static_cast<void>(world.Put(4, "k", "v")) : static_cast<void>(world.Get(4, "k"));
    EXPECT_GE(world.loop.Now() - asked, Duration::Millis(650));
    EXPECT_LE(world.loop.Now() - asked, Duration::Millis(750));
  }
}

TEST(NodeWithoutACluster, GivesUpRegisteringWhenNoLeaderShowsUp) {
  NodeWorld world;
  world.Add(4).options.wait_leader_timeout = Duration::Seconds(3);
  world.Start(4);
  EXPECT_TRUE(world.RunUntil([&] { return world[4].started.has_value(); }));
  ASSERT_FALSE(world[4].started->has_value());
  EXPECT_TRUE(world[4].started->error().starts_with("timeout after 3s when receive an active leader latest: "));
  EXPECT_EQ(world[4].lines, std::vector<std::string>{"Wait for 3s for active leader..."});
}

// What an import of a two-node cluster leaves (export-format.md §10.5): but for the disk's name, which no export shows,
// nothing is written while nobody is elected.
TEST(ImportedNode, WritesOnlyItsDisksNameAndExportsWhatWasImported) {
  NodeWorld world;
  Machine& machine = world.Add(1);
  machine.options.join = {Endpoint{"host-2", 28003}};
  machine.options.raft.heartbeat_interval = Duration::Seconds(100);
  machine.options.raft.election_timeout_min = Duration::Seconds(500);
  machine.options.raft.election_timeout_max = Duration::Seconds(600);
  const LogId applied{Term(3), NodeId(2), LogIndex(40)};
  pb::StoredMembership membership;
  *membership.mutable_membership() = ToProto(UniformMembership({NodeId(1), NodeId(2)}));
  sm::WriteBatch rows;
  rows.Put("sapplied", ToProto(applied).SerializeAsString());
  rows.Put("smembership", membership.SerializeAsString());
  ASSERT_TRUE(machine.state.Write(std::move(rows)));
  machine.log.contents.node_id = NodeId(1);
  machine.log.contents.hard_state = HardState{Term(3), NodeId(2), true};
  machine.log.contents.committed = LogId{Term(3), NodeId(2), LogIndex(41)};
  machine.log.contents.entries = {Entry::Blank({Term(3), NodeId(2), LogIndex(40)}),
                                  Entry::Blank({Term(3), NodeId(2), LogIndex(41)})};
  const io::LogContents imported = machine.log.contents;
  world.Start(1);
  world.loop.RunFor(Duration::Seconds(30));
  ASSERT_EQ(machine.log.written.size(), 1);
  const io::LogBatch& only = machine.log.written.front();
  ASSERT_TRUE(only.incarnation.has_value());
  EXPECT_FALSE(StartedEmpty(*only.incarnation));
  EXPECT_FALSE(only.hard_state || only.committed || only.reset_to || only.truncate_from || only.purge_to);
  EXPECT_TRUE(only.append.empty());
  const ExportSource source = world.node(1).Export();
  EXPECT_EQ(source.hard_state, imported.hard_state);
  EXPECT_EQ(source.committed, imported.committed);
  EXPECT_EQ(source.purged, std::nullopt);
  EXPECT_EQ(test::LogOf(source), imported.entries);
  EXPECT_EQ(world.node(1).status().last_applied, applied);
}

TEST(ImportedNode, TellsAnEmptyLogWhereItStartsTogetherWithItsFirstEntry) {
  NodeWorld world;
  Machine& machine = world.Add(1);
  pb::StoredMembership membership;
  *membership.mutable_membership() = ToProto(UniformMembership({NodeId(1)}));
  const LogId applied{Term(3), NodeId(2), LogIndex(40)};
  sm::WriteBatch rows;
  rows.Put("sapplied", ToProto(applied).SerializeAsString());
  rows.Put("smembership", membership.SerializeAsString());
  ASSERT_TRUE(machine.state.Write(std::move(rows)));
  machine.log.contents.node_id = NodeId(1);
  world.StartBare(1);
  EXPECT_EQ(world.node(1).Export().purged, std::nullopt);
  ASSERT_EQ(world.Put(1, "k", "v").status, WriteStatus::kApplied);
  EXPECT_EQ(machine.log.contents.purged, applied);
  EXPECT_EQ(machine.log.contents.entries.front().id, (LogId{Term(4), NodeId(1), LogIndex(41)}));
  EXPECT_EQ(world.node(1).Export().purged, applied);
  for (const io::LogBatch& batch : machine.log.written) EXPECT_TRUE(!batch.reset_to || !batch.append.empty());
}

TEST(DamagedNode, IsNotStarted) {
  NodeWorld world;
  Machine& machine = world.Add(1);
  machine.log.contents.purged = LogId{Term(1), NodeId(1), LogIndex(9)};
  const Environment environment{world.loop, world.loop, *machine.transport, machine.log, machine.state, machine.trace,
                                1,          {}};
  const auto created = Node::Create(machine.options, environment);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, io::ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace metasrv::node
