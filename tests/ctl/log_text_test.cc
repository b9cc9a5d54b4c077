#include "ctl/log_text.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "ctl/command_text.h"

namespace metasrv::ctl {
namespace {

pb::Command Command(const std::string& text) {
  pb::Command command;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &command)) << text;
  return command;
}

std::string Text(const std::string& command) { return CommandText(Command(command)); }

Entry EntryOf(const std::string& command) {
  return Entry::Normal({Term(1), NodeId(7), LogIndex(5)}, Command(command).SerializeAsString());
}

TEST(LogText, PayloadsAreThoseOfTheSample) {
  const LogId id{Term(1), NodeId(7), LogIndex(1)};
  EXPECT_EQ("blank", PayloadText(Entry::Blank(id)));
  EXPECT_EQ("membership:{voters:[{7:EmptyNode}], learners:[]}",
            PayloadText(Entry::OfMembership(id, UniformMembership({NodeId(7)}))));
  const Membership joint{{{NodeId(1)}, {NodeId(1), NodeId(2)}}, {NodeId(1), NodeId(2), NodeId(3)}};
  EXPECT_EQ("membership:{voters:[{1:EmptyNode},{1:EmptyNode,2:EmptyNode}], learners:[3:EmptyNode]}",
            PayloadText(Entry::OfMembership(id, joint)));
  EXPECT_EQ(
      "normal:time: 2025-01-02T03:04:05.678 cmd: add_node(no-override):7=id=7 raft=meta-7:28703 grpc=10.0.0.7:9191",
      PayloadText(EntryOf("time_ms: 1735787045678 add_node { node_id: 7 node { name: '7' addr: 'meta-7' port: 28703 "
                          "grpc_api_advertise_address: '10.0.0.7:9191' } }")));
  EXPECT_EQ("Error: not a command", PayloadText(Entry::Normal(id, "\xff")));
}

TEST(LogText, AVoteShowsWhetherItsLeaderIsEstablished) {
  EXPECT_EQ("<T1-N7:->", VoteText({Term(1), NodeId(7), false}));
  EXPECT_EQ("<T1-N7:Q>", VoteText({Term(1), NodeId(7), true}));
}

TEST(CommandText, EveryCommandHasItsForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"add_node { node_id: 7 overriding: true node { addr: 'h' port: 1 } }",
       " cmd: add_node(override):7=id=7 raft=h:1 grpc="},
      {"remove_node { node_id: 3 }", " cmd: remove_node:3"},
      {"set_feature { feature: 'dummy' enable: true }", " cmd: set_feature:dummy to true"},
      {"set_feature { feature: 'dummy' }", " cmd: set_feature:dummy to false"},
      {"upsert_kv { key: 'k' value { update: 'v' } }", " cmd: upsert_kv:k(Any) = Update(\"[binary]\") (None)"},
      {"upsert_kv { key: 'k' seq { exact: 3 } value { delete {} } value_meta {} }",
       " cmd: upsert_kv:k(Exact(3)) = Delete (MetaSpec())"},
      {"upsert_kv { key: 'k' seq { ge: 0 } value { as_is {} } value_meta { expire_at: 1735787045 ttl_ms: 60000 } }",
       " cmd: upsert_kv:k(GE(0)) = AsIs (MetaSpec(expire_at: 2025-01-02T03:04:05.000 ttl: 60s ))"},
      {"transaction { condition { key: 'fruit/a' seq: 0 expected: GE } if_then { put { key: 'fruit/a' } } "
       "else_then { get { key: 'fruit/a' } } }",
       " cmd: txn:TxnRequest{if:[fruit/a >= seq(0)] then:[Put(Put key=fruit/a)] else:[Get(Get key=fruit/a)]}"},
  };
  for (const auto& [command, text] : cases) EXPECT_EQ(text, Text(command)) << command;
  EXPECT_EQ("time: 2025-01-02T03:04:05.678 cmd: remove_node:3",
            Text("time_ms: 1735787045678 remove_node { node_id: 3 }"));
}

TEST(CommandText, ATransactionShowsBranchesConditionsAndOperations) {
  EXPECT_EQ(
      " cmd: txn:TxnRequest{{ if:((a == value(...)) OR b != keys_with_prefix(2)) then:[Delete(Delete key=d)] }, "
      "{ if:(None) then:[] }, if:[c unknown(9) None] then:["
      "Put(Put key=p expire_at: 2025-01-02T03:04:05.678000Z+0000  ttl: 1.5s match_seq=3),"
      "DeleteByPrefix(TxnDeleteByPrefixRequest prefix=x/),"
      "FetchIncreaseU64(FetchIncreaseU64 key=n max_value=0 delta=1 match_seq: 3),"
      "PutSequential(PutSequential{ key=q/{next_seq(s)}, expires_at_ms: 2025-01-02T03:04:05.678, ttl: 1s })] else:[]}",
      Text("transaction {"
           " operations { predicate { operator: OR sub_expressions { conditions { key: 'a' value: 'v' } }"
           "              conditions { key: 'b' keys_with_prefix: 2 expected: NE } }"
           "              operations { delete { key: 'd' } } }"
           " operations { }"
           " condition { key: 'c' expected: 9 }"
           " if_then { put { key: 'p' expire_at: 1735787045678 ttl_ms: 1500 match_seq: 3 } }"
           " if_then { delete_by_prefix { prefix: 'x/' } }"
           " if_then { fetch_increase_u64 { key: 'n' delta: 1 match_seq: 3 } }"
           " if_then { put_sequential { prefix: 'q/' sequence_key: 's' expires_at_ms: 1735787045678 ttl_ms: 1000 } } "
           "}"));
}

TEST(CommandText, LongListsAreShortenedInTheMiddle) {
  std::string gets;
  for (int i = 1; i <= 12; ++i) gets += " if_then { get { key: '" + std::to_string(i) + "' } }";
  EXPECT_EQ(
      " cmd: txn:TxnRequest{if:[] then:[Get(Get key=1),Get(Get key=2),Get(Get key=3),Get(Get key=4),Get(Get key=5),"
      "Get(Get key=6),Get(Get key=7),Get(Get key=8),Get(Get key=9),..,Get(Get key=12)] else:[]}",
      Text("transaction {" + gets + "}"));
}

TEST(CommandText, AKvTransactionShowsSizesInsteadOfValues) {
  EXPECT_EQ(
      " cmd: kv_transaction:Transaction[if((k==seq(0) AND (v>value(5B) OR p/>=keys_with_prefix(3)))) "
      "[Get(k), Put(k, match_seq=None, 3B, expire_at=None, ttl=Some(500ms))], "
      "else [Delete(k, match_seq=5), DeleteByPrefix(p/), FetchIncreaseU64(c, match_seq=None, delta=1, floor=0), "
      "PutSequential(p/, seq_key=s, 5B, expire_at=2025-01-02T03:04:05.678, ttl=None)]]",
      Text("kv_transaction {"
           " branches { predicate { all { children { leaf { key: 'k' seq: 0 } } children { any {"
           "   children { leaf { key: 'v' value: '12345' expected: GT } }"
           "   children { leaf { key: 'p/' keys_with_prefix: 3 expected: GE } } } } } }"
           "   operations { get { key: 'k' } } operations { put { key: 'k' value: 'abc' ttl_ms: 500 } } }"
           " branches { predicate { all { } } operations { delete { key: 'k' match_seq: 5 } }"
           "   operations { delete_by_prefix { prefix: 'p/' } } operations { fetch_increase_u64 { key: 'c' delta: 1 } }"
           "   operations { put_sequential { prefix: 'p/' sequence_key: 's' value: '12345' "
           "                                 expires_at_ms: 1735787045678 } } } }"));
}

TEST(LogText, ValuesAreShownOnRequest) {
  const Entry upsert = EntryOf("upsert_kv { key: 'k' value { update: '\\001\\002\\003' } }");
  EXPECT_EQ("    value(k): unknown-prefix(3 bytes)\n", DecodedValuesText(upsert));
  EXPECT_EQ("    raw(k): [1, 2, 3]\n", RawValuesText(upsert));
  const Entry txn = EntryOf(
      "transaction { operations { operations { get { key: 'g' } } operations { put { key: 'b' value: 'x' } } }"
      " if_then { put { key: 'a' value: '\\001\\002' expire_at: 5 ttl_ms: 6 } }"
      " else_then { put_sequential { prefix: 'q/' value: 'yz' ttl_ms: 7 } } }");
  EXPECT_EQ(
      "    txn.operations[0].ops[1].put b:\n      unknown-prefix(1 bytes)\n"
      "    txn.if_then[0].put a (expire_at=5, ttl_ms=6):\n      unknown-prefix(2 bytes)\n"
      "    txn.else_then[0].put_sequential q/ (ttl_ms=7):\n      unknown-prefix(2 bytes)\n",
      DecodedValuesText(txn));
  EXPECT_EQ(
      "    txn.operations[0].ops[1].put b raw:\n      [120]\n"
      "    txn.if_then[0].put a raw:\n      [1, 2]\n"
      "    txn.else_then[0].put_sequential q/ raw:\n      [121, 122]\n",
      RawValuesText(txn));
  const Entry removed = EntryOf("upsert_kv { key: 'k' value { delete {} } }");
  EXPECT_EQ("", DecodedValuesText(removed) + RawValuesText(removed));
}

}  // namespace
}  // namespace metasrv::ctl
