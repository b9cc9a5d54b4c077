#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <regex>
#include <set>
#include <string>

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

// One rule of export-format.md §9: a V003 document's lines after the header, and the lines of its export that are not
// those of an empty document, in their order.
struct Rule {
  const char* name;
  Lines in;
  Lines want;
};

// The name of what a line says.
std::string KindOf(const std::string& line) {
  const std::size_t begin = line.find('{') + 2;
  const std::string variant = line.substr(begin, line.find('"', begin) - begin);
  if (variant != "StateMachineMeta") return variant;
  const std::size_t key = line.find("\"Last") + 1;
  return line.substr(key, line.find('"', key) - key);
}

Lines OfKind(const Lines& lines, const std::string& kind) {
  Lines found;
  std::ranges::copy_if(lines, std::back_inserter(found), [&](const auto& line) { return KindOf(line) == kind; });
  return found;
}

// The export of an empty document, with `lines` instead of its lines of the same kinds (export-format.md §10.2).
Lines Complete(const Lines& lines) {
  const Lines empty = ReadLines("backup/cases/header_only.out.jsonl");
  Lines document;
  for (const char* kind : {"DataHeader", "NodeId", "Vote", "Committed", "Purged", "LogEntry", "Sequences",
                           "LastApplied", "LastMembership", "Nodes", "Expire", "GenericKV"}) {
    const Lines own = OfKind(lines, kind);
    const Lines& chosen = own.empty() ? OfKind(empty, kind) : own;
    document.insert(document.end(), chosen.begin(), chosen.end());
  }
  return document;
}

std::vector<Rule> LogRules() {
  return {
      {"N01_HeaderIsBare", {}, {R"(["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}])"}},
      {"N02_TreeOfTheRaftState",
       {R"(["raft_state",{"RaftStateKV":{"key":"Id","value":{"NodeId":7}}}])"},
       {R"(["raft_log",{"NodeId":7}])"}},
      {"N03_RaftStateKinds",
       {R"(["raft_state",{"RaftStateKV":{"key":"Id","value":{"NodeId":7}}}])",
        R"(["raft_state",{"RaftStateKV":{"key":"HardState","value":{"HardState":{"leader_id":{"term":4,"node_id":7},"committed":true}}}}])",
        R"(["raft_state",{"RaftStateKV":{"key":"Committed","value":{"Committed":{"leader_id":{"term":4,"node_id":7},"index":22}}}}])"},
       {R"(["raft_log",{"NodeId":7}])",
        R"(["raft_log",{"Vote":{"leader_id":{"term":4,"node_id":7},"committed":true}}])",
        R"(["raft_log",{"Committed":{"leader_id":{"term":4,"node_id":7},"index":22}}])"}},
      {"N04_NoCommitted", {}, {R"(["raft_log",{"Committed":null}])"}},
      {"N04_CommittedNull",
       {R"(["raft_state",{"RaftStateKV":{"key":"Committed","value":{"Committed":null}}}])"},
       {R"(["raft_log",{"Committed":null}])"}},
      {"N05_NoVoteNoPurged", {}, {R"(["raft_log",{"Vote":null}])", R"(["raft_log",{"Purged":null}])"}},
      {"N06_StateMachineIdIsGone",
       {R"(["raft_state",{"RaftStateKV":{"key":"StateMachineId","value":{"StateMachineId":[2,1]}}}])"},
       {}},
      {"N07_LogsBecomeEntries", {OLD_BLANK(5)}, {BLANK(5)}},
      {"N08_PurgedComesBeforeTheEntries",
       {OLD_BLANK(5),
        R"(["raft_log",{"LogMeta":{"key":"LastPurged","value":{"LogId":{"leader_id":{"term":1,"node_id":2},"index":4}}}}])"},
       {R"(["raft_log",{"Purged":{"leader_id":{"term":1,"node_id":2},"index":4}}])", BLANK(5)}},
      {"N09_PurgedEntriesAreGone",
       {OLD_BLANK(4), OLD_BLANK(5),
        R"(["raft_log",{"LogMeta":{"key":"LastPurged","value":{"LogId":{"leader_id":{"term":1,"node_id":2},"index":4}}}}])"},
       {R"(["raft_log",{"Purged":{"leader_id":{"term":1,"node_id":2},"index":4}}])", BLANK(5)}},
      {"N10_TxidIsGone",
       {R"(["raft_log",{"Logs":{"key":3,"value":{"log_id":{"leader_id":{"term":1,"node_id":2},"index":3},"payload":{"Normal":{"txid":null,"time_ms":9,"cmd":{"RemoveNode":{"node_id":4}}}}}}}])"},
       {CMD(R"({"RemoveNode":{"node_id":4}})")}},
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
       {CMD(R"({"UpsertKV":{"key":"k","seq":"Any","value":"AsIs","value_meta":{"expire_at":null}}})")}},
  };
}

std::vector<Rule> StateRules() {
  return {
      {"N13_NodeWithGrpcApiAddr",
       {R"(["state_machine/0",{"Nodes":{"key":7,"value":{"name":"7","endpoint":{"addr":"h","port":1},"grpc_api_addr":"0.0.0.0:9191"}}}])"},
       {R"(["state_machine/0",{"Nodes":{"key":7,"value":{"name":"7","endpoint":{"addr":"h","port":1},"grpc_api_advertise_address":null}}}])"}},
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
       {}},
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
       {R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":3}}])"}},
      {"N24_StateLinesAppear",
       {},
       {R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":0}}])", kEmptyMembership}},
  };
}

class Normalisation : public testing::TestWithParam<Rule> {};

TEST_P(Normalisation, IsAsSpecifiedByteForByte) {
  const Rule& rule = GetParam();
  Lines document{R"(["header",{"DataHeader":{"key":"header","value":{"version":"V003","upgrading":null}}}])"};
  document.insert(document.end(), rule.in.begin(), rule.in.end());
  const Lines got = Reexport(document);
  EXPECT_EQ(got, Complete(rule.want));
  EXPECT_EQ(Reexport(got), got) << "not a fixed point";
}

auto NameOf = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Log, Normalisation, testing::ValuesIn(LogRules()), NameOf);
INSTANTIATE_TEST_SUITE_P(State, Normalisation, testing::ValuesIn(StateRules()), NameOf);

TEST(Normalisations, EveryRuleOfTheSpecificationHasACase) {
  constexpr int kRules = 24;  // N1 to N24
  std::set<std::string> named;
  std::set<std::string> expected;
  for (const auto& rules : {LogRules(), StateRules()}) {
    for (const Rule& rule : rules) {
      const std::string name = rule.name;
      static const std::regex kId("N[0-9]{2}");
      for (std::sregex_iterator id(name.begin(), name.end(), kId), end; id != end; ++id) named.insert(id->str());
    }
  }
  for (int id = 1; id <= kRules; ++id) expected.insert((id < 10 ? "N0" : "N") + std::to_string(id));
  EXPECT_EQ(named, expected);
}

}  // namespace
}  // namespace metasrv::backup
