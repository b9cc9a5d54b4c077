#include <gtest/gtest.h>

#include "backup/reply_json.h"
#include "backup/request_json.h"

namespace metasrv::backup {
namespace {

class KvApiRequest : public testing::TestWithParam<std::string_view> {};

TEST_P(KvApiRequest, ReadsBackAsItself) {
  auto upsert = ParseKvApiRequest(GetParam());
  ASSERT_TRUE(upsert.has_value()) << upsert.error().reason;
  EXPECT_EQ(KvApiRequestJson(*upsert), GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Examples, KvApiRequest,
    testing::Values(
        R"({"UpsertKV":{"key":"k","seq":{"Exact":0},"value":{"Update":[118]},"value_meta":null}})",
        R"({"UpsertKV":{"key":"k","seq":{"GE":1},"value":"Delete","value_meta":null}})",
        R"({"UpsertKV":{"key":"k","seq":"Any","value":{"Update":[118]},"value_meta":{"expire_at":null,"ttl":{"millis":60000}}}})",
        R"({"UpsertKV":{"key":"k","seq":{"GE":1},"value":"AsIs","value_meta":{"expire_at":1667291034}}})"));

TEST(KvApi, RefusesRemovedAndBrokenRequests) {
  EXPECT_EQ(ParseKvApiRequest(R"({"GetKV":{"key":"k"}})").error().reason,
            "unknown variant `GetKV`, expected `UpsertKV`");
  EXPECT_EQ(ParseKvApiRequest(R"({"UpsertKV":{"key":"k","value":"AsIs"}})").error().reason, "missing field `seq`");
  EXPECT_FALSE(ParseKvApiRequest("").has_value());
  EXPECT_FALSE(ParseKvApiRequest("\"UpsertKV\"").has_value());
}

TEST(ReadRequest, ReadsTheThreeKinds) {
  for (std::string_view text : {R"({"GetKV":{"key":"k"}})", R"({"MGetKV":{"keys":["a","b","a"]}})",
                                R"({"MGetKV":{"keys":[]}})", R"({"ListKV":{"prefix":"__users/"}})"}) {
    auto read = ParseReadRequest(text);
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_EQ(ReadRequestJson(*read), text);
  }
  EXPECT_FALSE(ParseReadRequest(R"({"UpsertKV":{}})").has_value());
  EXPECT_FALSE(ParseReadRequest(R"({"GetKV":{}})").has_value());
}

TEST(Forward, ReadsAJoinRequest) {
  constexpr std::string_view kText =
      R"({"forward_to_leader":1,"body":{"Join":{"node_id":2,"endpoint":{"addr":"h2","port":28004},"grpc_api_advertise_address":"h2:9191","role":null}}})";
  auto request = ParseForwardRequest(kText);
  ASSERT_TRUE(request.has_value()) << request.error().reason;
  EXPECT_EQ(request->hops, 1u);
  const Join& join = std::get<Join>(request->body);
  EXPECT_FALSE(join.learner);
  EXPECT_EQ(join.node_id, NodeId(2));
  EXPECT_EQ(join.endpoint, (Endpoint{"h2", 28004}));
  EXPECT_EQ(join.grpc_api_advertise_address, "h2:9191");
}

TEST(Forward, MakesALearnerOfThatRoleOnly) {
  auto learner = [](const std::string& role) {
    auto request = ParseForwardRequest(
        R"({"forward_to_leader":0,"body":{"Join":{"node_id":2,"endpoint":{"addr":"h","port":1})" + role + "}}}");
    return std::get<Join>(request.value().body).learner;
  };
  EXPECT_TRUE(learner(R"(,"role":"learner")"));
  EXPECT_FALSE(learner(R"(,"role":"voter")"));
  EXPECT_FALSE(learner(""));
}

TEST(Forward, ReadsTheOtherBodies) {
  auto body = [](const std::string& text) {
    return ParseForwardRequest(R"({"forward_to_leader":0,"body":)" + text + "}").value().body;
  };
  EXPECT_TRUE(std::holds_alternative<Ping>(body("\"Ping\"")));
  EXPECT_EQ(std::get<Leave>(body(R"({"Leave":{"node_id":2}})")).node_id, NodeId(2));
  EXPECT_EQ(std::get<pb::Command>(body(R"({"Write":{"time_ms":3,"cmd":{"RemoveNode":{"node_id":1}}}})")).time_ms(), 3u);
  EXPECT_EQ(std::get<GetKv>(std::get<ReadRequest>(body(R"({"GetKV":{"key":"k"}})"))).key, "k");
  EXPECT_EQ(std::get<MGetKv>(std::get<ReadRequest>(body(R"({"MGetKV":{"keys":["k"]}})"))).keys.size(), 1u);
  EXPECT_EQ(std::get<ListKv>(std::get<ReadRequest>(body(R"({"ListKV":{"prefix":"p"}})"))).prefix, "p");
  EXPECT_EQ(LeaveRequestJson(1, NodeId(3)), R"({"forward_to_leader":1,"body":{"Leave":{"node_id":3}}})");
}

TEST(Forward, RefusesABodyWithoutHops) {
  EXPECT_EQ(ParseForwardRequest(R"({"body":"Ping"})").error().reason, "missing field `forward_to_leader`");
}

meta::SeqV RecordV() {
  meta::SeqV record;
  record.set_seq(1);
  record.set_data("v");
  record.mutable_meta()->set_proposed_at_ms(1723102819000);
  return record;
}

TEST(Replies, ChangeObject) {
  pb::UpsertReply reply;
  *reply.mutable_result() = RecordV();
  EXPECT_EQ(UpsertReplyJson(reply),
            R"({"ident":null,"prev":null,"result":{"seq":1,"meta":{"proposed_at_ms":1723102819000},"data":[118]}})");
}

TEST(Replies, OfForward) {
  EXPECT_EQ(PongJson(), "\"Pong\"");
  EXPECT_EQ(JoinReplyJson(), R"({"Join":null})");
  EXPECT_EQ(LeaveReplyJson(), R"({"Leave":null})");
  meta::SeqV record;
  record.set_seq(1);
  EXPECT_EQ(GetReplyJson(std::nullopt), R"({"GetKV":null})");
  EXPECT_EQ(MGetReplyJson({record, std::nullopt}), R"({"MGetKV":[{"seq":1,"meta":null,"data":[]},null]})");
  EXPECT_EQ(ListReplyJson({{"k", record}}), R"({"ListKV":[["k",{"seq":1,"meta":null,"data":[]}]]})");
}

TEST(Replies, AppliedState) {
  EXPECT_EQ(AppliedStateJson({}), R"({"AppliedState":"None"})");
  pb::AppliedState node;
  node.mutable_node()->mutable_result()->set_name("1");
  EXPECT_EQ(AppliedStateJson(node),
            R"({"AppliedState":{"Node":{"prev":null,"result":{"name":"1","endpoint":{"addr":"","port":0},)"
            R"("grpc_api_advertise_address":null}}}})");
  pb::AppliedState txn;
  txn.mutable_kv_transaction()->set_executed_branch(0);
  meta::TxnPutResponse* put = txn.mutable_kv_transaction()->add_responses()->mutable_put();
  put->set_key("k");
  *put->mutable_current() = RecordV();
  EXPECT_EQ(
      AppliedStateJson(txn),
      R"({"AppliedState":{"KvTransactionReply":{"executed_branch":0,"responses":[{"response":{"Put":{"key":"k",)"
      R"("prev_value":null,"current":{"seq":1,"data":[118],"meta":{"expire_at":null,"proposed_at_ms":1723102819000}}}}}]}}})");
}

TEST(Errors, AreOneMemberObjects) {
  constexpr std::string_view kCause = R"({"typ":null,"msg":"m","source":null,"context":[],"backtrace":null})";
  const AnyError cause{std::nullopt, "m"};
  EXPECT_EQ(CanNotForwardJson(cause), R"({"CanNotForward":)" + std::string(kCause) + "}");
  EXPECT_EQ(ConnectionErrorJson("x", cause),
            R"({"NetworkError":{"ConnectionError":{"msg":"x","source":)" + std::string(kCause) + "}}}");
  EXPECT_EQ(MembershipInProgressJson(std::nullopt, LogId{Term(1), NodeId(0), LogIndex(6)}),
            R"({"DataError":{"ChangeMembershipError":{"InProgress":{"committed":null,"membership_log_id":)"
            R"({"leader_id":{"term":1,"node_id":0},"index":6}}}}})");
  EXPECT_EQ(ReadErrorJson("get_kv", "k", cause),
            R"({"DataError":{"ReadError":{"action":"get_kv","msg":"k","source":)" + std::string(kCause) + "}}}");
}

}  // namespace
}  // namespace metasrv::backup
