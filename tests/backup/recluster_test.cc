#include <gtest/gtest.h>

#include "tests/backup/document.h"

namespace metasrv::backup {
namespace {

NewCluster ClusterOf(std::vector<std::string> peers, NodeId self) {
  auto cluster = ParseNewCluster(peers, self);
  EXPECT_TRUE(cluster.has_value()) << cluster.error();
  return cluster.value_or(NewCluster());
}

TEST(Recluster, OfClusterData) {
  EXPECT_EQ(Reexport(ReadLines("backup/cases/cluster_data.in.jsonl"),
                     ClusterOf({"4=new-a:29103", "5=new-b:29203"}, NodeId(5))),
            ReadLines("backup/cases/cluster_data.reclustered.jsonl"));
}

TEST(Recluster, OfADumpWithoutLog) {
  EXPECT_EQ(Reexport(ReadLines("backup/cases/no_log.in.jsonl"), ClusterOf({"1=localhost:28103"}, NodeId(1))),
            ReadLines("backup/cases/no_log.reclustered.jsonl"));
}

TEST(Recluster, OfNothing) {
  EXPECT_EQ(Reexport(ReadLines("backup/cases/header_only.in.jsonl"), ClusterOf({"1=localhost:28103"}, NodeId(1))),
            ReadLines("backup/cases/header_only.reclustered.jsonl"));
}

// The log of `lines` after re-clustering to one node.
io::LogContents LogAfter(const Lines& lines) {
  auto directory = Import(lines, ClusterOf({"1=h:1"}, NodeId(1)));
  if (!directory.has_value()) {
    ADD_FAILURE() << directory.error();
    return {};
  }
  return *(*directory)->log.Load();
}

constexpr char kEntry20[] =
    R"(["raft_log",{"LogEntry":{"log_id":{"leader_id":{"term":3,"node_id":2},"index":20},"payload":"Blank"}}])";
constexpr char kApplied40[] =
    R"(["state_machine/0",{"StateMachineMeta":{"key":"LastApplied","value":{"LogId":{"leader_id":{"term":3,"node_id":2},"index":40}}}}])";
constexpr char kAppliedNewerTerm[] =
    R"(["state_machine/0",{"StateMachineMeta":{"key":"LastApplied","value":{"LogId":{"leader_id":{"term":4,"node_id":2},"index":10}}}}])";
constexpr char kPurged20[] = R"(["raft_log",{"Purged":{"leader_id":{"term":3,"node_id":2},"index":20}}])";

TEST(Recluster, RefusesAStateThatNoEntryCanFollow) {
  constexpr char kAppliedAll[] =
      R"(["state_machine/0",{"StateMachineMeta":{"key":"LastApplied","value":{"LogId":{"leader_id":{"term":3,"node_id":2},"index":18446744073709551615}}}}])";
  const auto directory = Import(Document({kAppliedAll}), ClusterOf({"1=h:1"}, NodeId(1)));
  ASSERT_FALSE(directory.has_value());
  EXPECT_TRUE(directory.error().starts_with("the log index of T3-N2.18446744073709551615")) << directory.error();
}

TEST(Recluster, DropsALogThatTheStateIsAheadOf) {
  io::LogContents log = LogAfter(Document({kEntry20, kApplied40}));
  ASSERT_EQ(log.entries.size(), 2u);
  EXPECT_EQ(log.entries[0].id.index, LogIndex(41));
  EXPECT_EQ(log.purged.value().index, LogIndex(40));
}

TEST(Recluster, DropsALongerLogOfAnOlderTerm) {
  io::LogContents log = LogAfter(Document({kEntry20, kAppliedNewerTerm}));
  ASSERT_EQ(log.entries.size(), 2u);
  EXPECT_EQ(log.entries[0].id.index, LogIndex(11));
  EXPECT_EQ(log.purged.value().index, LogIndex(10));
}

TEST(Recluster, MovesThePurgedIdUpToTheState) {
  io::LogContents log = LogAfter(Document({kPurged20, kApplied40}));
  ASSERT_EQ(log.entries.size(), 2u);
  EXPECT_EQ(log.entries[0].id.index, LogIndex(41));
  EXPECT_EQ(log.purged.value().index, LogIndex(40));
}

TEST(Recluster, GoesOnAfterTheLog) {
  io::LogContents log = LogAfter(Document({kEntry20}));
  ASSERT_EQ(log.entries.size(), 3u);
  EXPECT_EQ(log.entries[1].id.index, LogIndex(21));
  EXPECT_FALSE(log.purged.has_value());
}

TEST(Recluster, RefusesAStateThatIsBehindThePurgedLog) {
  auto directory = Import(Document({kPurged20}), ClusterOf({"1=h:1"}, NodeId(1)));
  ASSERT_FALSE(directory.has_value());
  EXPECT_NE(directory.error().find("not consecutive"), std::string::npos);
}

struct PeerCase {
  std::string_view text;
  std::string_view result;  // "<id> <host> <port>" or the error
};

class PeerText : public testing::TestWithParam<PeerCase> {};

TEST_P(PeerText, ParsesAsSpecified) {
  auto peer = ParsePeer(GetParam().text);
  std::string got = peer.has_value() ? std::to_string(peer->first.value()) + " " + peer->second.host + " " +
                                           std::to_string(peer->second.port)
                                     : peer.error();
  EXPECT_EQ(got, GetParam().result);
}

INSTANTIATE_TEST_SUITE_P(
    Peers, PeerText,
    testing::Values(
        PeerCase{"1=localhost:28103", "1 localhost 28103"}, PeerCase{"1=LocalHost:28103,other:1", "1 localhost 28103"},
        PeerCase{"1=h:80", "1 h 80"}, PeerCase{"1=[::1]:7", "1 [::1] 7"},
        PeerCase{"1=[FE80::1]:7/path", "1 [fe80::1] 7"},
        PeerCase{"18446744073709551615=h:1", "18446744073709551615 h 1"}, PeerCase{"1", "invalid peer str: 1"},
        PeerCase{"1=a=b:1", "invalid peer str: 1=a=b:1"}, PeerCase{"=h:1", "cannot parse integer from empty string"},
        PeerCase{"x=h:1", "invalid digit found in string"}, PeerCase{"-1=h:1", "invalid digit found in string"},
        PeerCase{"18446744073709551616=h:1", "number too large to fit in target type"},
        PeerCase{"1=a:1,b:2,c:3", "require 1 or 2 addresses in peer str: 1=a:1,b:2,c:3"},
        PeerCase{"1=", "invalid peer raft addr: "}, PeerCase{"1=h", "invalid peer raft addr: h"},
        PeerCase{"1=:7", "invalid peer raft addr: :7"}, PeerCase{"1=h:", "invalid peer raft addr: h:"},
        PeerCase{"1=h:65536", "invalid peer raft addr: h:65536"}, PeerCase{"1=::1:7", "invalid peer raft addr: ::1:7"},
        PeerCase{"1=a b:7", "invalid peer raft addr: a b:7"}, PeerCase{"1=\xff:7", "invalid peer raft addr: \xff:7"},
        PeerCase{"1=[\t]:7", "invalid peer raft addr: [\t]:7"}));

TEST(NewCluster, TakesTheLastOfTwoAddressesOfOneNode) {
  EXPECT_EQ(ClusterOf({"1=a:1", "1=b:2"}, NodeId(1)).members.at(NodeId(1)), (Endpoint{"b", 2}));
}

TEST(NewCluster, NeedsTheNodeItself) {
  std::vector<std::string> peers{"5=b:2", "4=a:1"};
  EXPECT_EQ(ParseNewCluster(peers, NodeId(7)).error(), "node id (7) has to be one of cluster member([4, 5])");
}

}  // namespace
}  // namespace metasrv::backup
