#include <gtest/gtest.h>

#include <string>

#include "backup/encode.h"
#include "backup/parse.h"

namespace metasrv::backup {
namespace {

// The canonical text of what a line says, or why it was refused.
std::string Rewritten(std::string_view text) {
  LineParser parser;
  auto line = parser.Parse(text);
  if (!line.has_value()) return "error: " + line.error().reason;
  if (std::holds_alternative<IgnoredLine>(line->record)) return "ignored";
  std::string out;
  AppendLine(line->record, &out);
  return out;
}

struct LineCase {
  std::string_view text;
  std::string_view result;  // an error when it starts with "error: "; then a prefix is enough
};

class SingleLine : public testing::TestWithParam<LineCase> {};

TEST_P(SingleLine, ReadsAsSpecified) {
  const auto& [text, result] = GetParam();
  std::string got = Rewritten(text);
  if (result.starts_with("error: ")) got.resize(std::min(got.size(), result.size()));
  EXPECT_EQ(got, result) << Rewritten(text);
}

#define ENTRY(payload) \
  R"(["raft_log",{"LogEntry":{"log_id":{"leader_id":{"term":1,"node_id":2},"index":3},"payload":)" payload R"(}}])"
#define TXN_OP(op) \
  ENTRY(R"({"Normal":{"cmd":{"Transaction":{"condition":[],"if_then":[{"request":)" op R"(}],"else_then":[]}}}})")
#define KV(value) R"(["state_machine/0",{"GenericKV":{"key":"k","value":)" value R"(}}])"

constexpr LineCase kSingleLineTable[] = {
    // export-format.md §13.7, in its order.
    {R"(["raft_log",{"NodeId":null}])", R"(["raft_log",{"NodeId":null}])"},
    {ENTRY(R"({"Blank":null})"), ENTRY(R"("Blank")")},
    {R"(["raft_log",{"LogEntry":{"log_id":{"term":1,"index":3},"payload":"Blank"}}])",
     "error: missing field `leader_id`"},
    {R"(["raft_log",{"LogEntry":{"payload":"Blank","log_id":{"index":3,"leader_id":{"node_id":2,"term":1}},"x":[]}}])",
     ENTRY(R"("Blank")")},
    {ENTRY(R"({"Normal":{"time_ms":null,"cmd":{"RemoveNode":{"node_id":4}}}})"),
     ENTRY(R"({"Normal":{"cmd":{"RemoveNode":{"node_id":4}}}})")},
    {ENTRY(R"({"Normal":{"cmd":{"Frobnicate":{}}}})"), "error: unknown variant `Frobnicate`"},
    {R"(["state_machine/9",{"Sequences":{"key":"whatever","value":7}}])",
     R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":7}}])"},
    {KV(R"({"seq":1,"data":[300]})"), "error: number out of range"},
    {KV(R"({"seq":1,"data":[1]})"), KV(R"({"seq":1,"meta":null,"data":[1]})")},
    {R"(["state_machine/0",{"GenericKV":{"key":"é\t/","value":{"seq":1,"meta":{"proposed_at_ms":5,"expire_at":6},"data":[]}}}])",
     R"(["state_machine/0",{"GenericKV":{"key":"é\t/","value":{"seq":1,"meta":{"expire_at":6,"proposed_at_ms":5},"data":[]}}}])"},
    {R"(["state_machine/0",{"Unknown":{"key":1,"value":2}}])", "error: unknown variant `Unknown`"},
    {R"(["my_tree",{"Vote":{"leader_id":{"term":2,"node_id":1},"committed":false}}])",
     R"(["raft_log",{"Vote":{"leader_id":{"term":2,"node_id":1},"committed":false}}])"},
};
INSTANTIATE_TEST_SUITE_P(WorkedExamples, SingleLine, testing::ValuesIn(kSingleLineTable));

constexpr LineCase kReaderRules[] = {
    // export-format.md §1.2.
    {R"(  [ "raft_log" , { "NodeId" : 7 } ]  )", R"(["raft_log",{"NodeId":7}])"},
    {"[\"raft_log\",{\"NodeId\":7}]\r", R"(["raft_log",{"NodeId":7}])"},
    {R"(["raft_log",{"NodeId":18446744073709551615}])", R"(["raft_log",{"NodeId":18446744073709551615}])"},
    {R"(["raft_log",{"NodeId":18446744073709551616}])", "error: "},
    {R"(["raft_log",{"NodeId":-1}])", "error: "},
    {R"(["raft_log",{"NodeId":1.0}])", "error: "},
    {R"(["raft_log",{"NodeId":1e2}])", "error: "},
    {R"(["raft_log",{"NodeId":01}])", "error: "},
    {R"(["raft_log",{"NodeId":"1"}])", "error: invalid type"},
    {R"(["raft_log",{"NodeId":true}])", "error: "},
    {R"(["raft_log",{"NodeId":nulL}])", "error: "},
    {R"(["raft_log",{}])", "error: an enum object must have exactly one member"},
    {R"(["raft_log",{"NodeId":1,"Vote":null}])", "error: an enum object must have exactly one member"},
    {R"(["raft_log"])", "error: invalid length"},
    {R"([])", "error: invalid length"},
    {R"(["raft_log",{"NodeId":1},2])", "error: trailing characters"},
    {R"(["raft_log",{"NodeId":1}] x)", "error: "},
    {R"(["raft_log",{"NodeId":1}] [])", "error: "},
    {R"(["raft_log",{"NodeId":1}]])", "error: "},
    {R"(["raft_log",{"NodeId":1,}])", "error: "},
    {R"(["raft_log",{"NodeId":1}])"
     "}",
     "error: "},
    {R"(["raft_log",{"NodeId":1})", "error: "},
    {R"(["raft_log",{"NodeId")", "error: "},
    {R"(["raft_log)", "error: "},
    {R"([)", "error: "},
    {"", "error: "},
    {"   ", "error: "},
    {"7", "error: "},
    {"x", "error: "},
    {R"({"raft_log":{"NodeId":1}})", "error: "},
    {"[\"raft_log\xff\",{\"NodeId\":1}]", "error: "},
    {"[\"raft\tlog\",{\"NodeId\":1}]", "error: "},
    {R"(["raft\qlog",{"NodeId":1}])", "error: "},
    {R"(["raft\ud800log",{"NodeId":1}])", "error: "},
    {R"(["raft\udc00log",{"NodeId":1}])", "error: "},
    {R"(["raft_log","Vote"])", "error: invalid type"},
    {KV(R"({"seq":1,"seq":1,"data":[]})"), "error: duplicate field `seq`"},
    {KV(R"({"seq":1,"data":[],"x":1,"x":2})"), KV(R"({"seq":1,"meta":null,"data":[]})")},
    {KV(R"({"seq":1})"), "error: missing field `data`"},
    {KV(R"({"data":[]})"), "error: missing field `seq`"},
    {KV(R"({"seq":null,"data":[]})"), "error: "},
    {KV(R"({"seq":1,"data":null})"), "error: "},
    {KV(R"({"seq":1,"data":[-1]})"), "error: "},
    {KV(R"({"seq":1,"data":"aGk="})"), "error: invalid type"},
    {KV(R"({"seq":1,"data":[],"x":[01]})"), "error: "},
    {KV(R"({"seq":1,"data":[],"x":{"a":[1,-2.5e3,"\u00e9",true,false,null,{}]}})"),
     KV(R"({"seq":1,"meta":null,"data":[]})")},
    {KV(R"({"seq":1,"data":[],"x":[1 2]})"), "error: "},
    {KV(R"({"seq":1,"data":[],"x":tru})"), "error: "},
    {KV(R"({"\u0073eq":1,"data":[]})"), KV(R"({"seq":1,"meta":null,"data":[]})")},
};
INSTANTIATE_TEST_SUITE_P(ReaderRules, SingleLine, testing::ValuesIn(kReaderRules));

constexpr LineCase kShapes[] = {
    {R"(["raft_log",{"Vote":null}])", R"(["raft_log",{"Vote":null}])"},
    {R"(["raft_log",{"Vote":{"leader_id":{"term":2,"node_id":1}}}])", "error: missing field `committed`"},
    {R"(["raft_log",{"Committed":null}])", R"(["raft_log",{"Committed":null}])"},
    {R"(["raft_log",{"Purged":null}])", R"(["raft_log",{"Purged":null}])"},
    {R"(["raft_log",{"LogEntry":null}])", "error: "},
    {ENTRY(R"("Normal")"), "error: invalid type"},
    {ENTRY(R"({"Blank":1})"), "error: unit variant `Blank` has a content"},
    {ENTRY(R"({"Membership":{"configs":[[3,1,3]],"nodes":{"10":{"x":1},"2":{},"2":{}}}})"),
     ENTRY(R"({"Membership":{"configs":[[1,3]],"nodes":{"2":{},"10":{}}}})")},
    {ENTRY(R"({"Membership":{"configs":[],"nodes":{"a":{}}}})"), "error: invalid node id `a`"},
    {ENTRY(R"({"Membership":{"configs":[],"nodes":{"01":{}}}})"), "error: invalid node id `01`"},
    {ENTRY(R"({"Membership":{"configs":[],"nodes":{"1":null}}})"), "error: invalid type"},
    {ENTRY(R"({"Membership":{"configs":[]}})"), "error: missing field `nodes`"},
    {ENTRY(R"({"Normal":{"cmd":{"UpsertKV":{"key":"k","seq":{"Any":null},"value":{"AsIs":null}}}}})"),
     ENTRY(R"({"Normal":{"cmd":{"UpsertKV":{"key":"k","seq":"Any","value":"AsIs","value_meta":null}}}})")},
    {ENTRY(R"({"Normal":{"cmd":{"UpsertKV":{"key":"k","seq":"Exact","value":"AsIs"}}}})"), "error: invalid type"},
    {TXN_OP("null"), TXN_OP("null")},
    {ENTRY(
         R"({"Normal":{"cmd":{"Transaction":{"condition":[{"key":"a","expected":-7}],"if_then":[{}],"else_then":[]}}}})"),
     ENTRY(
         R"({"Normal":{"cmd":{"Transaction":{"condition":[{"key":"a","expected":-7,"target":null}],"if_then":[{"request":null}],"else_then":[]}}}})")},
    {ENTRY(R"({"Normal":{"cmd":{"Transaction":{"operations":[],"condition":[],"if_then":[],"else_then":[]}}}})"),
     ENTRY(R"({"Normal":{"cmd":{"Transaction":{"condition":[],"if_then":[],"else_then":[]}}}})")},
    {ENTRY(R"({"Normal":{"cmd":{"Transaction":{"if_then":[],"else_then":[]}}}})"), "error: missing field `condition`"},
    {ENTRY(
         R"({"Normal":{"cmd":{"Transaction":{"condition":[{"key":"a","expected":2147483648}],"if_then":[],"else_then":[]}}}})"),
     "error: number out of range"},
    {TXN_OP(R"({"Put":{"key":"a","value":[1]}})"),
     TXN_OP(R"({"Put":{"key":"a","value":[1],"prev_value":true,"expire_at":null,"match_seq":null}})")},
    {TXN_OP(R"({"Put":{"key":"a","value":[1],"prev_value":false,"ttl_ms":7}})"),
     TXN_OP(R"({"Put":{"key":"a","value":[1],"prev_value":false,"expire_at":null,"ttl_ms":7,"match_seq":null}})")},
    {TXN_OP(R"({"Delete":{"key":"a"}})"), TXN_OP(R"({"Delete":{"key":"a","prev_value":true,"match_seq":null}})")},
    {TXN_OP(R"({"FetchIncreaseU64":{"key":"a","delta":1}})"), "error: missing field `max_value`"},
    {TXN_OP(R"({"PutSequential":{"prefix":"p","sequence_key":"s","value":[]}})"),
     TXN_OP(R"({"PutSequential":{"prefix":"p","sequence_key":"s","value":[],"expires_at_ms":null,"ttl_ms":null}})")},
    {R"(["raft_state",{"RaftStateKV":{"key":"StateMachineId","value":{"StateMachineId":[2,1]}}}])", "ignored"},
    {R"(["raft_state",{"RaftStateKV":{"key":"StateMachineId","value":{"StateMachineId":[2]}}}])",
     "error: invalid length"},
    {R"(["raft_state",{"RaftStateKV":{"key":"Other","value":{"NodeId":1}}}])", "error: unknown variant `Other`"},
    {R"(["raft_state",{"RaftStateKV":{"key":"Id","value":{"Committed":null}}}])", R"(["raft_log",{"Committed":null}])"},
    {R"(["raft_log",{"LogMeta":{"key":"LastPurged","value":{"LogId":null}}}])", "error: "},
    {R"(["state_machine/0",{"StateMachineMeta":{"key":"Initialized","value":{"Bool":true}}}])", "ignored"},
    {R"(["state_machine/0",{"Expire":{"key":{"time_ms":7,"seq":8},"value":{"seq":5,"key":"k"}}}])",
     R"(["state_machine/0",{"Expire":{"key":{"time_ms":7,"seq":8},"value":{"seq":5,"key":"k"}}}])"},
    {R"(["state_machine/0",{"Nodes":{"key":1,"value":{"name":"","endpoint":{"addr":"h","port":65536}}}}])",
     "error: number out of range"},
    {R"(["header",{"DataHeader":{"key":"header","value":{"version":"V003","upgrading":"V004","cleaning":true}}}])",
     R"(["header",{"DataHeader":{"key":"header","value":{"version":"V003"}}}])"},
    {R"(["header",{"DataHeader":{"key":"header","value":{"version":"V100"}}}])",
     "error: unknown variant `V100`, expected one of `V0`, `V001`, `V002`, `V003`, `V004`"},
};
INSTANTIATE_TEST_SUITE_P(Shapes, SingleLine, testing::ValuesIn(kShapes));

// A record line whose meta has an unknown member that brings the nesting of the line to `depth`.
std::string LineOfDepth(int depth) {
  constexpr int kAround = 5;  // the line, the entry, the variant's content, the value, the member's own array
  std::string open(static_cast<std::size_t>(depth - kAround), '[');
  std::string close(open.size(), ']');
  return R"(["state_machine/0",{"GenericKV":{"key":"k","value":{"seq":1,"data":[],"x":[)" + open + close + "]}}}]";
}

TEST(LineParser, Accepts127LevelsOfNesting) { EXPECT_EQ(Rewritten(LineOfDepth(127)).substr(0, 5), "[\"sta"); }

TEST(LineParser, Refuses128LevelsOfNesting) {
  EXPECT_EQ(Rewritten(LineOfDepth(128)), "error: recursion limit exceeded");
}

TEST(LineParser, SurvivesHostileNesting) {
  EXPECT_EQ(Rewritten(std::string(1'000'000, '[')).substr(0, 7), "error: ");
  EXPECT_EQ(Rewritten("[\"x\"," + std::string(1'000'000, '{')).substr(0, 7), "error: ");
}

TEST(LineParser, NamesThePlaceOfAnError) {
  struct Place {
    std::string text;
    std::size_t column;
  };
  const Place places[] = {
      {R"(["raft_log",{"NodeId":"1"}])", 23},                                                     // a value
      {R"(["state_machine/0",{"GenericKV":{"key":"k","value":{"seq":1,"data":[1,256]}}}])", 71},  // a byte
      {R"(["raft_log",{"NodeId":1}, 2])", 27},                                                    // an element too many
      {R"(["raft_log"])", 13},                                 // an element too few: behind the end
      {R"(["raft_log",{"NodeId":1)", 24},                      // cut short
      {R"(["raft_log",{"NodeId":1}] x)", 28},                  // behind the array
      {"", 1},                                                 // nothing
      {"  ", 3},                                               // blanks
      {"[\"raft_log\",{\"Node\xc3\xa9\xffId\":1}]", 21},       // not UTF-8
      {"[\"\xe2\x82\"]", 3},                                   // a character cut short
      {"[\"\xf0\x9f\x98\x80\xed\xa0\x80\"]", 7},               // half of a surrogate pair, raw
      {"[\"\\\"\t\"]", 5},                                     // a control character in a string
      {"[\"raft_log\",{\"NodeId\"\t:1,\"x\":\"a\nb\"}]", 32},  // and not the one between two
      {R"(["\ud800",{"NodeId":1}])", 2},                       // half of a surrogate pair, escaped
  };
  LineParser parser;
  for (const Place& place : places) {
    const auto line = parser.Parse(place.text);
    ASSERT_FALSE(line.has_value()) << place.text;
    EXPECT_EQ(line.error().column, place.column) << place.text << ": " << line.error().reason;
  }
}

TEST(LineParser, GoesOnAfterAnErrorAndAfterALongLine) {
  LineParser parser;
  EXPECT_FALSE(parser.Parse("[").has_value());
  meta::SeqV record;
  record.set_seq(1);
  record.set_data(std::string(4'000'000, 'x'));
  std::string text;
  AppendLine(KvLine{"k", record}, &text);
  auto line = parser.Parse(text);
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(std::get<KvLine>(line->record).record.data().size(), 4'000'000u);
  EXPECT_TRUE(parser.Parse(R"(["raft_log",{"NodeId":1}])").has_value());
}

TEST(LineWriter, SaysOfALeafWithoutATargetThatItNeverHolds) {
  pb::Command command;
  pb::Predicate* predicate = command.mutable_kv_transaction()->add_branches()->mutable_predicate();
  predicate->mutable_leaf()->set_key("a");
  predicate->mutable_leaf()->set_expected(meta::TxnCondition::GE);
  std::string text;
  AppendLine(EntryLine{Entry::Normal({Term(1), NodeId(2), LogIndex(3)}, command.SerializeAsString())}, &text);
  EXPECT_EQ(text, ENTRY(R"({"Normal":{"cmd":{"KvTransaction":{"branches":[{"predicate":{"Leaf":)"
                        R"({"key":"a","target":{"Seq":0},"op":"Lt"}},"operations":[]}]}}}})"));
}

}  // namespace
}  // namespace metasrv::backup
