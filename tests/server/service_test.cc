// The client API over an in-process channel, with a real node behind it: status codes, texts, metadata and streams of
// grpc-api.md §1.3, §3 to §6.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "auth.pb.h"
#include "meta.grpc.pb.h"
#include "server/client_api.h"
#include "server/raft_api.h"
#include "server/trace_metrics.h"
#include "tests/server/test_node.h"

namespace metasrv::server {
namespace {

class Service {
 public:
  explicit Service(TestNode::Kind kind) : node_(kind), client_api_(node_.services()), raft_api_(node_.services(), {}) {
    grpc::ServerBuilder builder;
    client_api_.Register(builder);
    raft_api_.Register(builder);
    server_ = builder.BuildAndStart();
    const auto channel = server_->InProcessChannel({});
    client = meta::MetaService::NewStub(channel);
    raft = meta::RaftService::NewStub(channel);
  }
  ~Service() { server_->Shutdown(); }

  struct HandshakeResult {
    grpc::Status status;
    std::optional<meta::HandshakeResponse> response;
  };
  HandshakeResult Handshake(const std::optional<meta::HandshakeRequest>& request) {
    grpc::ClientContext context;
    const auto stream = client->Handshake(&context);
    if (request) stream->Write(*request);
    stream->WritesDone();
    HandshakeResult result;
    meta::HandshakeResponse response;
    if (stream->Read(&response)) result.response = response;
    result.status = stream->Finish();
    return result;
  }

  void Authenticate(grpc::ClientContext& context) { context.AddMetadata("auth-token-bin", Token()); }

  const std::string& Token() {
    if (token_.empty()) token_ = Handshake(HandshakeOf("root")).response->payload();
    return token_;
  }

  static meta::HandshakeRequest HandshakeOf(const std::string& user, std::uint64_t version = 260304000000) {
    pb::BasicAuth auth;
    auth.set_username(user);
    meta::HandshakeRequest request;
    request.set_protocol_version(version);
    request.set_payload(auth.SerializeAsString());
    return request;
  }

  grpc::Status Upsert(const std::string& key, const std::string& value) {
    grpc::ClientContext context;
    Authenticate(context);
    meta::TxnRequest request;
    auto& put = *request.add_if_then()->mutable_put();
    put.set_key(key);
    put.set_value(value);
    meta::TxnReply reply;
    return client->Transaction(&context, request, &reply);
  }

  // Gives `prefix`0 to `prefix`(count - 1) the value.
  grpc::Status UpsertAll(const std::string& prefix, std::size_t count, const std::string& value) {
    grpc::ClientContext context;
    Authenticate(context);
    meta::TxnRequest request;
    for (std::size_t i = 0; i < count; ++i) {
      auto& put = *request.add_if_then()->mutable_put();
      put.set_key(prefix + std::to_string(i));
      put.set_value(value);
    }
    meta::TxnReply reply;
    return client->Transaction(&context, request, &reply);
  }

  // Adds one to the counter "n".
  grpc::Status Increase(const std::vector<std::string>& request_ids, meta::TxnReply* reply) {
    grpc::ClientContext context;
    Authenticate(context);
    for (const std::string& id : request_ids) context.AddMetadata("x-databend-meta-request-id", id);
    meta::TxnRequest request;
    auto& increase = *request.add_if_then()->mutable_fetch_increase_u64();
    increase.set_key("n");
    increase.set_delta(1);
    return client->Transaction(&context, request, reply);
  }

  struct Items {
    grpc::Status status;
    std::vector<meta::StreamItem> items;
    bool has_headers = false;  // a headers frame came before the end
  };
  template <class Reader>
  static Items Drain(Reader& stream) {
    Items result;
    for (meta::StreamItem item; stream.Read(&item);) result.items.push_back(item);
    result.status = stream.Finish();
    return result;
  }
  Items Read(const std::string& json) {
    grpc::ClientContext context;
    Authenticate(context);
    meta::RaftRequest request;
    request.set_data(json);
    return Drain(*client->KvReadV1(&context, request));
  }
  Items List(const std::string& prefix, std::optional<std::uint64_t> limit) {
    grpc::ClientContext context;
    Authenticate(context);
    meta::KvListRequest request;
    request.set_prefix(prefix);
    if (limit) request.set_limit(*limit);
    return Drain(*client->KvList(&context, request));
  }
  std::vector<std::string> Export(std::uint64_t chunk_size, std::vector<int>* chunk_sizes) {
    grpc::ClientContext context;
    meta::ExportRequest request;
    request.set_chunk_size(chunk_size);
    const auto stream = client->ExportV1(&context, request);
    std::vector<std::string> lines;
    for (meta::ExportedChunk chunk; stream->Read(&chunk);) {
      chunk_sizes->push_back(chunk.data_size());
      for (const auto& line : chunk.data()) lines.push_back(line);
    }
    EXPECT_TRUE(stream->Finish().ok());
    return lines;
  }
  meta::RaftReply Forward(const std::string& json, grpc::StatusCode expected = grpc::StatusCode::OK) {
    grpc::ClientContext context;
    meta::RaftRequest request;
    request.set_data(json);
    meta::RaftReply reply;
    EXPECT_EQ(raft->Forward(&context, request, &reply).error_code(), expected);
    return reply;
  }

  // Items of lists that were handed to gRPC so far.
  std::uint64_t ListedItems() {
    const std::string text = node_.metrics().Render({}, TraceMetrics(std::make_unique<NullTrace>()));
    const std::string name = "metasrv_meta_network_stream_list_item_sent_total ";
    const std::size_t at = text.find("\n" + name);
    return at == std::string::npos ? 0 : std::stoull(text.substr(at + 1 + name.size()));
  }

  std::unique_ptr<meta::MetaService::Stub> client;
  std::unique_ptr<meta::RaftService::Stub> raft;

 private:
  TestNode node_;
  ClientApi client_api_;
  RaftApi raft_api_;
  std::unique_ptr<grpc::Server> server_;
  std::string token_;
};

std::string Keys(const Service::Items& items) {
  std::string text;
  for (const auto& item : items.items) text += item.key() + (item.has_value() ? "=" + item.value().data() : "") + " ";
  return text;
}

TEST(Handshake, GivesTheServerVersionAndAToken) {
  Service service(TestNode::Kind::kSingle);
  const auto result = service.Handshake(Service::HandshakeOf("root"));
  ASSERT_TRUE(result.status.ok());
  EXPECT_EQ(result.response->protocol_version(), 260304000000U);
  EXPECT_FALSE(result.response->payload().empty());
}

TEST(Handshake, RefusalsHaveTheirCodesAndTexts) {
  Service service(TestNode::Kind::kSingle);
  const auto old = service.Handshake(Service::HandshakeOf("root", 1002675)).status;
  EXPECT_EQ(old.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(old.error_message(), "meta-client protocol_version(1.2.675) < metasrv min-compatible(1.2.676)");
  const auto user = service.Handshake(Service::HandshakeOf("eve")).status;
  EXPECT_EQ(user.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(user.error_message(), "Unknown user: eve");
  const auto nothing = service.Handshake(std::nullopt).status;
  EXPECT_EQ(nothing.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(nothing.error_message(), "Error request next is None");
}

TEST(Checks, AMissingTokenBeatsMalformedJson) {
  Service service(TestNode::Kind::kSingle);
  grpc::ClientContext context;
  meta::RaftRequest request;
  request.set_data("{");
  meta::RaftReply reply;
  const auto status = service.client->KvApi(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(status.error_message(), "Error auth-token-bin is empty");
}

TEST(Checks, AWrongTokenIsRefused) {
  Service service(TestNode::Kind::kSingle);
  grpc::ClientContext context;
  context.AddMetadata("auth-token-bin", "x");
  meta::MemberListReply reply;
  const auto status = service.client->MemberList(&context, {}, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(status.error_message().starts_with("token verify failed: "));
}

TEST(Checks, MalformedJsonHasAnotherCodeForReadsThanForWrites) {
  Service service(TestNode::Kind::kSingle);
  grpc::ClientContext context;
  service.Authenticate(context);
  meta::RaftRequest request;
  request.set_data(R"({"GetKV":{"key":"k"}})");
  meta::RaftReply reply;
  EXPECT_EQ(service.client->KvApi(&context, request, &reply).error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(service.Read("{").status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(Writes, KvApiAnswersTheChange) {
  Service service(TestNode::Kind::kSingle);
  grpc::ClientContext context;
  service.Authenticate(context);
  meta::RaftRequest request;
  request.set_data(R"({"UpsertKV":{"key":"k","seq":{"Exact":0},"value":{"Update":[118]},"value_meta":null}})");
  meta::RaftReply reply;
  ASSERT_TRUE(service.client->KvApi(&context, request, &reply).ok());
  EXPECT_TRUE(reply.data().starts_with(R"({"ident":null,"prev":null,"result":{"seq":1,"meta":{"proposed_at_ms":)"));
  EXPECT_EQ(reply.error(), "");
  EXPECT_FALSE(context.GetServerInitialMetadata().contains("x-databend-meta-leader-grpc-endpoint"));
}

TEST(Writes, BranchZeroIsPresentInTheReply) {
  Service service(TestNode::Kind::kSingle);
  grpc::ClientContext context;
  service.Authenticate(context);
  meta::KvTransactionRequest request;
  auto& put = *request.add_branches()->add_operations()->mutable_put();
  put.set_key("k");
  meta::KvTransactionReply reply;
  ASSERT_TRUE(service.client->KvTransaction(&context, request, &reply).ok());
  EXPECT_TRUE(reply.has_executed_branch());
  EXPECT_EQ(reply.executed_branch(), 0U);
  EXPECT_EQ(reply.responses_size(), 1);
}

TEST(RequestIds, ATransactionWithAKnownIdIsAnsweredFromMemory) {
  Service service(TestNode::Kind::kSingle);
  const auto increased = [&](const std::vector<std::string>& ids) {
    meta::TxnReply reply;
    EXPECT_TRUE(service.Increase(ids, &reply).ok());
    return reply.responses(0).fetch_increase_u64().after();
  };
  EXPECT_EQ(increased({"a"}), 1U);
  EXPECT_EQ(increased({"a"}), 1U);
  EXPECT_EQ(increased({}), 2U);
  EXPECT_EQ(increased({std::string(64, '~')}), 3U);
  EXPECT_EQ(increased({"a"}), 1U);
  EXPECT_EQ(Keys(service.List("", {})), "n=3 ");
}

TEST(RequestIds, AnUpsertAndAKvTransactionWithAKnownIdAreAnsweredFromMemory) {
  Service service(TestNode::Kind::kSingle);
  meta::RaftReply first_upsert;
  meta::KvTransactionReply first_transaction;
  for (const bool first : {true, false}) {
    grpc::ClientContext upsert_context;
    service.Authenticate(upsert_context);
    upsert_context.AddMetadata("x-databend-meta-request-id", "u");
    meta::RaftRequest upsert;
    upsert.set_data(R"({"UpsertKV":{"key":"k","seq":{"Exact":0},"value":{"Update":[118]},"value_meta":null}})");
    meta::RaftReply upsert_reply;
    ASSERT_TRUE(service.client->KvApi(&upsert_context, upsert, &upsert_reply).ok());
    grpc::ClientContext context;
    service.Authenticate(context);
    context.AddMetadata("x-databend-meta-request-id", "t");
    meta::KvTransactionRequest request;
    request.add_branches()->add_operations()->mutable_put()->set_key("p");
    meta::KvTransactionReply reply;
    ASSERT_TRUE(service.client->KvTransaction(&context, request, &reply).ok());
    if (first) {
      first_upsert = upsert_reply;
      first_transaction = reply;
    }
    EXPECT_EQ(upsert_reply.data(), first_upsert.data());
    EXPECT_EQ(reply.SerializeAsString(), first_transaction.SerializeAsString());
  }
  EXPECT_TRUE(first_upsert.data().starts_with(R"({"ident":null,"prev":null,"result":{"seq":1,)"));
  EXPECT_FALSE(first_transaction.responses(0).put().has_prev_value());
}

TEST(RequestIds, ThatBreakTheRuleAreRefusedAndNothingIsWritten) {
  Service service(TestNode::Kind::kSingle);
  const std::vector<std::vector<std::string>> bad = {{""}, {std::string(65, 'x')}, {"a b"}, {"a", "a"}};
  for (const auto& ids : bad) {
    meta::TxnReply reply;
    const grpc::Status status = service.Increase(ids, &reply);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << ids.front();
    EXPECT_TRUE(status.error_message().starts_with(
        "x-databend-meta-request-id must be given at most once and have 1 to 64 visible ASCII characters"))
        << status.error_message();
  }
  EXPECT_EQ(Keys(service.List("", {})), "");
}

TEST(RequestIds, TheIdOfAnotherKindOfWriteIsRefused) {
  Service service(TestNode::Kind::kSingle);
  meta::TxnReply first;
  ASSERT_TRUE(service.Increase({"a"}, &first).ok());
  grpc::ClientContext context;
  service.Authenticate(context);
  context.AddMetadata("x-databend-meta-request-id", "a");
  meta::KvTransactionRequest request;
  request.add_branches()->add_operations()->mutable_put()->set_key("p");
  meta::KvTransactionReply reply;
  const grpc::Status status = service.client->KvTransaction(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(status.error_message().starts_with("x-databend-meta-request-id named another kind of write before"));
  EXPECT_EQ(Keys(service.List("", {})), "n=1 ");
}

TEST(RequestIds, AreNotInAnExport) {
  Service service(TestNode::Kind::kSingle);
  meta::TxnReply reply;
  ASSERT_TRUE(service.Increase({"needle"}, &reply).ok());
  std::vector<int> chunk_sizes;
  const auto lines = service.Export(100, &chunk_sizes);
  EXPECT_FALSE(lines.empty());
  for (const std::string& line : lines) EXPECT_EQ(line.find("needle"), std::string::npos) << line;
}

TEST(Reads, ItemsComeInTheirOrder) {
  Service service(TestNode::Kind::kSingle);
  for (const char* key : {"a", "p/10", "p/2", "q"}) ASSERT_TRUE(service.Upsert(key, "v").ok());
  EXPECT_EQ(Keys(service.Read(R"({"GetKV":{"key":"a"}})")), "a=v ");
  EXPECT_EQ(Keys(service.Read(R"({"GetKV":{"key":"zz"}})")), "zz ");
  EXPECT_EQ(Keys(service.Read(R"({"MGetKV":{"keys":["a","x","a"]}})")), "a=v x a=v ");
  EXPECT_EQ(Keys(service.Read(R"({"MGetKV":{"keys":[]}})")), "");
  EXPECT_EQ(Keys(service.Read(R"({"ListKV":{"prefix":"p/"}})")), "p/10=v p/2=v ");
  EXPECT_EQ(Keys(service.List("", 2)), "a=v p/10=v ");
  EXPECT_EQ(Keys(service.List("", 0)), "");
  EXPECT_EQ(Keys(service.List("p", std::nullopt)), "p/10=v p/2=v ");
}

// Another list in between runs to its end, so that whatever the server would have made ahead of the reader is there.
TEST(Reads, AListIsMadeNoFasterThanItIsReadAndKeepsItsView) {
  constexpr std::size_t kKeys = 500;
  Service service(TestNode::Kind::kSingle);
  ASSERT_TRUE(service.UpsertAll("k", kKeys, "old").ok());
  grpc::ClientContext context;
  service.Authenticate(context);
  meta::KvListRequest request;
  request.set_prefix("k");
  const auto stream = service.client->KvList(&context, request);
  meta::StreamItem item;
  ASSERT_TRUE(stream->Read(&item));
  ASSERT_TRUE(service.UpsertAll("k", kKeys + 1, "new").ok());
  EXPECT_EQ(service.List("k", std::nullopt).items.size(), kKeys + 1);
  EXPECT_LE(service.ListedItems(), kKeys + 4);
  for (std::size_t read = 1; read < kKeys; ++read) {
    ASSERT_TRUE(stream->Read(&item));
    EXPECT_EQ(item.value().data(), "old");
  }
  EXPECT_FALSE(stream->Read(&item));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(Reads, GetManySendsHeadersBeforeAnyKeyAndKeepsItsView) {
  Service service(TestNode::Kind::kSingle);
  ASSERT_TRUE(service.Upsert("a", "old").ok());
  grpc::ClientContext context;
  service.Authenticate(context);
  const auto stream = service.client->KvGetMany(&context);
  stream->WaitForInitialMetadata();
  ASSERT_TRUE(service.Upsert("a", "new").ok());
  meta::KvGetManyRequest request;
  meta::StreamItem item;
  for (const char* key : {"a", "b", "a"}) {
    request.set_key(key);
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&item));
    EXPECT_EQ(item.key(), key);
    EXPECT_EQ(item.value().data(), key == std::string("a") ? "old" : "");
    EXPECT_EQ(item.has_value(), key == std::string("a"));
  }
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&item));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(Export, IsCompleteWithoutAnySnapshotAndKeepsTheChunkSize) {
  Service service(TestNode::Kind::kSingle);
  ASSERT_TRUE(service.Upsert("k", "v").ok());
  std::vector<int> sizes;
  const auto lines = service.Export(3, &sizes);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.front(), R"(["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}])");
  EXPECT_TRUE(lines.back().starts_with(R"(["state_machine/0",{"GenericKV":{"key":"k")"));
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) EXPECT_EQ(sizes[i], 3);
  sizes.clear();
  EXPECT_EQ(service.Export(0, &sizes).size(), lines.size());
}

TEST(Cluster, StatusAndMembersShowTheNode) {
  Service service(TestNode::Kind::kSingle);
  grpc::ClientContext status_context;
  meta::ClusterStatus status;
  ASSERT_TRUE(service.client->GetClusterStatus(&status_context, {}, &status).ok());
  EXPECT_EQ(status.state(), "Leader");
  EXPECT_EQ(status.leader(), "id=1 raft=raft-host:28004 grpc=grpc-host:9191");
  EXPECT_EQ(status.last_applied(), "T1-N1.4");
  grpc::ClientContext members_context;
  service.Authenticate(members_context);
  meta::MemberListReply members;
  ASSERT_TRUE(service.client->MemberList(&members_context, {}, &members).ok());
  ASSERT_EQ(members.data_size(), 1);
  EXPECT_EQ(members.data(0), "grpc-host:9191");
}

TEST(WithoutLeader, ForwardingCallsSayThatTheyCouldNotForward) {
  Service service(TestNode::Kind::kAlone);
  const auto status = service.Upsert("k", "v");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message(), "can not forward any more: need to forward but no known leader");
}

TEST(WithoutLeader, RedirectingCallsAnswerNotLeader) {
  Service service(TestNode::Kind::kAlone);
  const auto expect_not_leader = [](const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(status.error_message(), "not leader");
  };
  expect_not_leader(service.List("", std::nullopt).status);
  expect_not_leader(service.Read(R"({"GetKV":{"key":"k"}})").status);
  grpc::ClientContext write_context;
  service.Authenticate(write_context);
  meta::KvTransactionReply reply;
  expect_not_leader(service.client->KvTransaction(&write_context, {}, &reply));
  grpc::ClientContext stream_context;
  service.Authenticate(stream_context);
  const auto stream = service.client->KvGetMany(&stream_context);
  meta::StreamItem item;
  EXPECT_FALSE(stream->Read(&item));
  expect_not_leader(stream->Finish());
}

TEST(Forward, AnswersPingReadsAndWrites) {
  Service service(TestNode::Kind::kSingle);
  EXPECT_EQ(service.Forward(R"({"forward_to_leader":1,"body":"Ping"})").data(), "\"Pong\"");
  const auto written = service.Forward(
      R"({"forward_to_leader":1,"body":{"Write":{"cmd":{"UpsertKV":{"key":"k","seq":"Any","value":{"Update":[1]},"value_meta":null}}}}})");
  EXPECT_TRUE(written.data().starts_with(R"({"AppliedState":{"KV":{"ident":null,"prev":null,"result":{"seq":1,)"))
      << written.data() << written.error();
  EXPECT_EQ(service.Forward(R"({"forward_to_leader":0,"body":{"GetKV":{"key":"x"}}})").data(), R"({"GetKV":null})");
  service.Forward("{", grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(Forward, TheLeaderRefusesToRemoveItself) {
  Service service(TestNode::Kind::kSingle);
  const auto reply = service.Forward(R"({"forward_to_leader":1,"body":{"Leave":{"node_id":1}}})");
  EXPECT_EQ(reply.data(), "");
  EXPECT_NE(reply.error().find(R"("action":"leave","msg":"can not leave id=1 via itself")"), std::string::npos)
      << reply.error();
  EXPECT_NE(reply.error().find("leave-via-self"), std::string::npos);
}

TEST(Forward, WithoutALeaderThereIsNobodyToForwardTo) {
  Service service(TestNode::Kind::kAlone);
  const auto reply = service.Forward(R"({"forward_to_leader":0,"body":{"Leave":{"node_id":3}}})");
  EXPECT_TRUE(reply.error().starts_with(R"({"CanNotForward":{)")) << reply.error();
}

}  // namespace
}  // namespace metasrv::server
