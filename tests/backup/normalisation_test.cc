#include <gtest/gtest.h>

#include <algorithm>

#include "tests/backup/document.h"

namespace metasrv::backup {
namespace {

#define CMD(cmd)                                                                                              \
  R"(["raft_log",{"LogEntry":{"log_id":{"leader_id":{"term":1,"node_id":2},"index":3},"payload":{"Normal":{)" \
  R"("time_ms":9,"cmd":)" cmd R"(}}}}])"
#define OLD_CMD(cmd)                                                                                                       \
  R"(["raft_log",{"Logs":{"key":3,"value":{"log_id":{"leader_id":{"term":1,"node_id":2},"index":3},"payload":{"Normal":{)" \
  R"("time_ms":9,"cmd":)" cmd R"(}}}}}])"
#define TXN(op) R"({"Transaction":{"condition":[],"if_then":[{"request":)" op R"(}],"else_then":[]}})"
#define RECORD(meta) R"(["state_machine/0",{"GenericKV":{"key":"k","value":{"seq":1,"meta":)" meta R"(,"data":[]}}}])"
#define OLD_BLANK(index)                                                                                              \
  R"(["raft_log",{"Logs":{"key":)" #index R"(,"value":{"log_id":{"leader_id":{"term":1,"node_id":2},"index":)" #index \
  R"(},"payload":"Blank"}}}])"
#define BLANK(index) \
  R"(["raft_log",{"LogEntry":{"log_id":{"leader_id":{"term":1,"node_id":2},"index":)" #index R"(},"payload":"Blank"}}])"

constexpr char kEmptyMembership[] =
    R"(["state_machine/0",{"StateMachineMeta":{"key":"LastMembership","value":{"Membership":{"log_id":null,"membership":{"configs":[],"nodes":{}}}}}}])";

// One rule of export-format.md §9: the document's lines after the header, lines that the export must have, in this
// order, and a text that it must not have.
struct Rule {
  const char* name;
  Lines in;
  Lines want;
  std::string unwanted = "\x01";
};

std::vector<Rule> LogRules() {
  return {
      {"N01_HeaderIsBare", {}, {R"(["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}])"}, "V003"},
      {"N02_TreeOfTheRaftState",
       {R"(["raft_state",{"RaftStateKV":{"key":"Id","value":{"NodeId":7}}}])"},
       {R"(["raft_log",{"NodeId":7}])"},
       "raft_state"},
      {"N03_RaftStateKinds",
       {R"(["raft_state",{"RaftStateKV":{"key":"Id","value":{"NodeId":7}}}])",
        R"(["raft_state",{"RaftStateKV":{"key":"HardState","value":{"HardState":{"leader_id":{"term":4,"node_id":7},"committed":true}}}}])",
        R"(["raft_state",{"RaftStateKV":{"key":"Committed","value":{"Committed":{"leader_id":{"term":4,"node_id":7},"index":22}}}}])"},
       {R"(["raft_log",{"NodeId":7}])",
        R"(["raft_log",{"Vote":{"leader_id":{"term":4,"node_id":7},"committed":true}}])",
        R"(["raft_log",{"Committed":{"leader_id":{"term":4,"node_id":7},"index":22}}])"},
       "RaftStateKV"},
      {"N04_NoCommitted", {}, {R"(["raft_log",{"Committed":null}])"}},
      {"N04_CommittedNull",
       {R"(["raft_state",{"RaftStateKV":{"key":"Committed","value":{"Committed":null}}}])"},
       {R"(["raft_log",{"Committed":null}])"}},
      {"N05_NoVoteNoPurged", {}, {R"(["raft_log",{"Vote":null}])", R"(["raft_log",{"Purged":null}])"}},
      {"N06_StateMachineIdIsGone",
       {R"(["raft_state",{"RaftStateKV":{"key":"StateMachineId","value":{"StateMachineId":[2,1]}}}])"},
       {},
       "StateMachineId"},
      {"N07_LogsBecomeEntries", {OLD_BLANK(5)}, {BLANK(5)}, "Logs"},
      {"N08_PurgedComesBeforeTheEntries",
       {OLD_BLANK(5),
        R"(["raft_log",{"LogMeta":{"key":"LastPurged","value":{"LogId":{"leader_id":{"term":1,"node_id":2},"index":4}}}}])"},
       {R"(["raft_log",{"Purged":{"leader_id":{"term":1,"node_id":2},"index":4}}])", BLANK(5)},
       "LogMeta"},
      {"N09_PurgedEntriesAreGone",
       {OLD_BLANK(4), OLD_BLANK(5),
        R"(["raft_log",{"LogMeta":{"key":"LastPurged","value":{"LogId":{"leader_id":{"term":1,"node_id":2},"index":4}}}}])"},
       {BLANK(5)},
       BLANK(4)},
      {"N10_TxidIsGone",
       {R"(["raft_log",{"Logs":{"key":3,"value":{"log_id":{"leader_id":{"term":1,"node_id":2},"index":3},"payload":{"Normal":{"txid":null,"time_ms":9,"cmd":{"RemoveNode":{"node_id":4}}}}}}}])"},
       {CMD(R"({"RemoveNode":{"node_id":4}})")},
       "txid"},
      {"N11_MatchSeqOfPut",
       {OLD_CMD(TXN(R"({"Put":{"key":"a","value":[1],"prev_value":true,"expire_at":null}})"))},
       {CMD(TXN(R"({"Put":{"key":"a","value":[1],"prev_value":true,"expire_at":null,"match_seq":null}})"))}},
      {"N11_MatchSeqOfDelete",
       {OLD_CMD(TXN(R"({"Delete":{"key":"a","prev_value":true}})"))},
       {CMD(TXN(R"({"Delete":{"key":"a","prev_value":true,"match_seq":null}})"))}},
      {"N12_TtlNullIsGone",
       {OLD_CMD(TXN(R"({"Put":{"key":"a","value":[],"prev_value":true,"expire_at":7,"ttl_ms":null,"match_seq":1}})"))},
       {CMD(TXN(R"({"Put":{"key":"a","value":[],"prev_value":true,"expire_at":7,"match_seq":1}})"))}},
      {"N13_NodeInAddNode_N14_Overriding",
       {OLD_CMD(R"({"AddNode":{"node_id":1,"node":{"name":"1","endpoint":{"addr":"h","port":1}}}})")},
       {CMD(
           R"({"AddNode":{"node_id":1,"node":{"name":"1","endpoint":{"addr":"h","port":1},"grpc_api_advertise_address":null},"overriding":false}})")}},
      {"N17_ValueMetaNullIsKept",
       {OLD_CMD(R"({"UpsertKV":{"key":"k","seq":"Any","value":"AsIs","value_meta":{"expire_at":null,"ttl":null}}})")},
       {CMD(R"({"UpsertKV":{"key":"k","seq":"Any","value":"AsIs","value_meta":{"expire_at":null}}})")},
       "ttl"},
  };
}

std::vector<Rule> StateRules() {
  return {
      {"N13_NodeWithGrpcApiAddr",
       {R"(["state_machine/0",{"Nodes":{"key":7,"value":{"name":"7","endpoint":{"addr":"h","port":1},"grpc_api_addr":"0.0.0.0:9191"}}}])"},
       {R"(["state_machine/0",{"Nodes":{"key":7,"value":{"name":"7","endpoint":{"addr":"h","port":1},"grpc_api_advertise_address":null}}}])"},
       "grpc_api_addr\""},
      {"N15_MetaOfNulls", {RECORD(R"({"expire_at":null,"proposed_at_ms":null})")}, {RECORD("{}")}},
      {"N15_MetaOfNullExpiry", {RECORD(R"({"expire_at":null})")}, {RECORD("{}")}},
      {"N16_MetaNull", {RECORD("null")}, {RECORD("null")}},
      {"N16_MetaEmpty", {RECORD("{}")}, {RECORD("{}")}},
      {"N16_MetaExpiry", {RECORD(R"({"expire_at":7})")}, {RECORD(R"({"expire_at":7})")}},
      {"N18_ExpireWithoutSeq",
       {R"(["state_machine/0",{"Expire":{"key":{"time_ms":5,"seq":6},"value":{"key":"k"}}}])"},
       {R"(["state_machine/0",{"Expire":{"key":{"time_ms":5,"seq":6},"value":{"seq":1,"key":"k"}}}])"}},
      {"N18_ExpireWithSeqZero",
       {R"(["state_machine/0",{"Expire":{"key":{"time_ms":5,"seq":6},"value":{"seq":0,"key":"k"}}}])"},
       {R"(["state_machine/0",{"Expire":{"key":{"time_ms":5,"seq":6},"value":{"seq":1,"key":"k"}}}])"}},
      {"N18_ExpireWithAnotherSeq",
       {R"(["state_machine/0",{"Expire":{"key":{"time_ms":5,"seq":6},"value":{"seq":4,"key":"k"}}}])"},
       {R"(["state_machine/0",{"Expire":{"key":{"time_ms":5,"seq":6},"value":{"seq":4,"key":"k"}}}])"}},
      {"N19_InitializedIsGone",
       {R"(["state_machine/0",{"StateMachineMeta":{"key":"Initialized","value":{"Bool":true}}}])"},
       {},
       "Initialized"},
      {"N20_OrderOfTheSections",
       {RECORD("null"), R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":12}}])", OLD_BLANK(5)},
       {BLANK(5), R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":12}}])", kEmptyMembership,
        RECORD("null")}},
      {"N21_SetsAreSorted",
       {R"(["state_machine/0",{"StateMachineMeta":{"key":"LastMembership","value":{"Membership":{"log_id":null,"membership":{"configs":[[3,1,3]],"nodes":{"10":{},"2":{}}}}}}}])"},
       {R"(["state_machine/0",{"StateMachineMeta":{"key":"LastMembership","value":{"Membership":{"log_id":null,"membership":{"configs":[[1,3]],"nodes":{"2":{},"10":{}}}}}}}])"}},
      {"N22_CanonicalText",
       {R"([ "state_machine/x", {"GenericKV":{"value":{"data":[],"x":{},"seq":1,"meta":null},"key":"\u006b"}} ])"},
       {RECORD("null")}},
      {"N23_LastOneWins",
       {R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":12}}])",
        R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":3}}])"},
       {R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":3}}])"},
       "12"},
      {"N24_StateLinesAppear",
       {},
       {R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":0}}])", kEmptyMembership}},
  };
}

class Normalisation : public testing::TestWithParam<Rule> {};

TEST_P(Normalisation, IsAsSpecified) {
  const Rule& rule = GetParam();
  Lines got = Reexport(Document(rule.in, "V003"));
  auto from = got.begin();
  for (const std::string& line : rule.want) {
    from = std::find(from, got.end(), line);
    ASSERT_NE(from, got.end()) << line << "\n is not in, or not in this order in\n" << testing::PrintToString(got);
  }
  for (const std::string& line : got) EXPECT_EQ(line.find(rule.unwanted), std::string::npos) << line;
  EXPECT_EQ(Reexport(got), got) << "not a fixed point";
}

auto NameOf = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Log, Normalisation, testing::ValuesIn(LogRules()), NameOf);
INSTANTIATE_TEST_SUITE_P(State, Normalisation, testing::ValuesIn(StateRules()), NameOf);

}  // namespace
}  // namespace metasrv::backup
