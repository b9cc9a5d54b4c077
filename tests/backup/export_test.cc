#include <gtest/gtest.h>

#include "sm/layout.h"
#include "tests/backup/document.h"

namespace metasrv::backup {
namespace {

TEST(Export, OfAnEmptyDirectoryHasFiveLines) {
  EXPECT_EQ(Export(Directory()), ReadLines("backup/cases/empty_directory.jsonl"));
}

TEST(Export, OfANewSingleNodeHasItsFiveEntriesAndTheState) {
  Lines want = ReadLines("backup/cases/new_single_node.jsonl");
  Lines got = Reexport(want);
  want.push_back(R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":0}}])");
  want.push_back(
      R"(["state_machine/0",{"StateMachineMeta":{"key":"LastMembership","value":{"Membership":{"log_id":null,"membership":{"configs":[],"nodes":{}}}}}}])");
  EXPECT_EQ(got, want);
}

TEST(Export, OfALogWithoutStateRowsStillHasTheStateLines) {
  Source source;
  source.log = std::make_unique<io::VectorCursor>(std::vector<Entry>{Entry::Blank({})});
  source.state = sm::MemStore().NewSnapshot();
  Exporter exporter(std::move(source));
  int count = 0;
  for (std::string line; exporter.Next(&line);) ++count;
  EXPECT_EQ(count, 5 + 1 + 2);
}

TEST(Export, WritesTheNodesOwnIdForATermWithoutAVote) {
  Source source;
  source.node_id = NodeId(3);
  source.hard_state = HardState{Term(5), std::nullopt, false};
  source.state = sm::MemStore().NewSnapshot();
  Exporter exporter(std::move(source));
  std::string line;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(exporter.Next(&line));
  EXPECT_EQ(line, R"(["raft_log",{"Vote":{"leader_id":{"term":5,"node_id":3},"committed":false}}])");
}

TEST(Export, OrdersNodesByNumberExpiryByTimeAndRecordsByBytes) {
  auto node = [](int id) {
    return R"(["state_machine/0",{"Nodes":{"key":)" + std::to_string(id) +
           R"(,"value":{"name":"","endpoint":{"addr":"h","port":1},"grpc_api_advertise_address":null}}}])";
  };
  auto expire = [](int time_ms, int seq) {
    return R"(["state_machine/0",{"Expire":{"key":{"time_ms":)" + std::to_string(time_ms) + R"(,"seq":)" +
           std::to_string(seq) + R"(},"value":{"seq":1,"key":"k"}}}])";
  };
  auto record = [](const std::string& key) {
    return R"(["state_machine/0",{"GenericKV":{"key":")" + key + R"(","value":{"seq":1,"meta":null,"data":[]}}}])";
  };
  Lines ordered{node(2),    node(10),    expire(5, 10), expire(20, 3), expire(20, 12),
                record(""), record("a"), record("a/"),  record("b"),   record("é")};
  Lines got = Reexport(Document(Lines(ordered.rbegin(), ordered.rend())));
  ASSERT_EQ(got.size(), 7 + ordered.size());
  EXPECT_EQ(Lines(got.begin() + 7, got.end()), ordered);
}

TEST(Export, LeavesFeaturesOut) {
  auto directory = Import(Document({}));
  ASSERT_TRUE(directory.has_value());
  sm::WriteBatch batch;
  batch.Put(sm::FeatureRow("dummy"), "");
  ASSERT_TRUE((*directory)->state.Write(std::move(batch)));
  EXPECT_EQ(Export(**directory), ReadLines("backup/cases/header_only.out.jsonl"));
}

}  // namespace
}  // namespace metasrv::backup
