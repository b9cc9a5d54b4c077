// The parts of the server that need no network: status texts, metrics, sessions, the keys layout, conversions.
#include <gtest/gtest.h>

#include <algorithm>

#include "auth.pb.h"
#include "server/background_thread.h"
#include "server/call_error.h"
#include "server/keys_layout.h"
#include "server/log.h"
#include "server/meta_service.h"
#include "server/metrics.h"
#include "server/raft_api.h"
#include "server/raft_secret.h"
#include "server/status_text.h"
#include "sm/layout.h"
#include "sm/mem_store.h"
#include "tests/server/test_node.h"

namespace metasrv::server {
namespace {

node::NodeStatus SampleStatus() {
  node::NodeStatus status;
  status.raft.id = NodeId(1);
  status.raft.role = RoleName::kLeader;
  status.raft.hard_state.term = Term(1);
  status.raft.leader = NodeId(1);
  status.raft.last = LogId{Term(1), NodeId(1), LogIndex(4)};
  status.raft.replication[NodeId(1)] = status.raft.last;
  status.raft.replication[NodeId(2)] = std::nullopt;
  status.last_applied = status.raft.last;
  status.applied_membership = UniformMembership({NodeId(1), NodeId(2)}, {NodeId(3)});
  meta::Node& record = status.nodes[NodeId(1)];
  record.set_name("1");
  record.set_addr("localhost");
  record.set_port(28103);
  record.set_grpc_api_advertise_address("127.0.0.1:9191");
  status.log = {1460, 1460, 7};
  status.log_cached_items = 5;
  status.log_cached_bytes = 900;
  return status;
}

TEST(StatusText, TheStateHashHasSixteenDigits) {
  node::NodeStatus status = SampleStatus();
  status.state_hash = 0xabc;
  status.last_seq = 7;
  EXPECT_EQ(StateHashJson(status), R"({"last_applied":{"leader_id":{"term":1,"node_id":1},"index":4},)"
                                   R"("last_seq":7,"state_hash":"0000000000000abc"})");
}

TEST(BackgroundThread, RunsItsJobsInOrderAndTheLastOnesBeforeItEnds) {
  std::vector<int> ran;
  {
    BackgroundThread thread;
    for (int i = 0; i < 100; ++i) thread.Add([&ran, i] { ran.push_back(i); });
  }
  ASSERT_EQ(ran.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(ran));
}

TEST(Status, JsonHasThePublishedOrder) {
  EXPECT_EQ(StatusJson(SampleStatus()),
            R"({"id":1,"binary_version":"1.2.934-cpp","data_version":"V004","endpoint":"localhost:28103",)"
            R"("raft_log":{"cache_items":5,"cache_used_size":900,"wal_total_size":1460,"wal_open_chunk_size":1460,)"
            R"("wal_offset":1460,"wal_closed_chunk_count":0,"wal_closed_chunk_total_size":0,)"
            R"("wal_closed_chunk_sizes":{}},"snapshot_key_count":0,"state":"Leader","is_leader":true,)"
            R"("current_term":1,"last_log_index":4,"last_applied":{"leader_id":{"term":1,"node_id":1},"index":4},)"
            R"("snapshot_last_log_id":null,"purged":null,"leader":{"name":"1","endpoint":{"addr":"localhost",)"
            R"("port":28103},"grpc_api_advertise_address":"127.0.0.1:9191"},"replication":{"1":{"leader_id":)"
            R"({"term":1,"node_id":1},"index":4},"2":null},"voters":[{"name":"1","endpoint":{"addr":"localhost",)"
            R"("port":28103},"grpc_api_advertise_address":"127.0.0.1:9191"}],"non_voters":[],"last_seq":0})");
}

TEST(Status, CompleteLogFilesAreChunksByTheirOffset) {
  node::NodeStatus status = SampleStatus();
  status.log.wal_bytes = 2060;
  status.log.closed_wal_bytes = {100, 500};
  const std::string expected =
      R"x("wal_total_size":2060,"wal_open_chunk_size":1460,"wal_offset":1460,"wal_closed_chunk_count":2,)x"
      R"x("wal_closed_chunk_total_size":600,"wal_closed_chunk_sizes":{"ChunkId(00_000_000_000_000_000_000)":100,)x"
      R"x("ChunkId(00_000_000_000_000_000_100)":500})x";
  EXPECT_NE(StatusJson(status).find(expected), std::string::npos) << StatusJson(status);
  const meta::RaftLogStatus log = MakeClusterStatus(status).raft_log_status();
  EXPECT_EQ(1460U, log.wal_open_chunk_size());
  EXPECT_EQ(600U, log.wal_closed_chunk_total_size());
  EXPECT_EQ(500U, log.wal_closed_chunk_sizes().at("ChunkId(00_000_000_000_000_000_100)"));
}

TEST(Status, AnEmptyNodeHasZerosAndNulls) {
  const std::string json = StatusJson(node::NodeStatus{});
  EXPECT_NE(json.find(R"("endpoint":null)"), std::string::npos);
  EXPECT_NE(json.find(R"("last_applied":{"leader_id":{"term":0,"node_id":0},"index":0})"), std::string::npos);
  EXPECT_NE(json.find(R"("leader":null,"replication":null,"voters":[],"non_voters":[])"), std::string::npos);
  EXPECT_EQ(MakeClusterStatus(node::NodeStatus{}).last_applied(), "T0-N0.0");
}

TEST(Status, ProtobufFollowsTheTextForms) {
  const meta::ClusterStatus status = MakeClusterStatus(SampleStatus());
  EXPECT_EQ(status.binary_version(), "260304.0.0");
  EXPECT_EQ(status.last_applied(), "T1-N1.4");
  EXPECT_EQ(status.replication().at(1), "T1-N1.4");
  EXPECT_FALSE(status.replication().contains(2));
  ASSERT_EQ(status.voters_size(), 1);
  EXPECT_EQ(status.voters(0), "id=1 raft=localhost:28103 grpc=127.0.0.1:9191");
  EXPECT_FALSE(status.has_purged());
}

TEST(Exposition, HasTheRequiredSamplesAndEnds) {
  Metrics metrics;
  const CallMeter meter(metrics, CallKind::kRead, 10);
  meter.End(true);
  PeerFigures peers;
  peers.peers[{"h", 1}] = {true, 7, 0, 3};
  node::NodeStatus status = SampleStatus();
  status.received_bytes = {{NodeId(1), 5}, {NodeId(7), 6}};
  const std::string text = metrics.Render({status, peers, {}}, TraceMetrics(MakeLogTraceSink()));
  for (const char* line :
       {"\nmetasrv_server_current_leader_id 1\n", "\nmetasrv_server_is_leader 1\n",
        "\nmetasrv_server_node_is_health 1\n", "\nmetasrv_server_last_log_index 4\n",
        "\nmetasrv_raft_storage_snapshot_building 0\n", "\nmetasrv_server_snapshot_read_block_from_disk 0\n",
        "\nmetasrv_server_leader_changes_total 0\n", "\n# TYPE metasrv_server_leader_changes counter\n",
        "\nmetasrv_meta_network_recv_bytes_total 10\n",
        "\nmetasrv_meta_network_rpc_delay_read_ms_bucket{le=\"+Inf\"} 1\n",
        "\nmetasrv_raft_network_sent_bytes_total{to=\"h:1\"} 7\n",
        "\nmetasrv_raft_network_recv_bytes_total{from=\"localhost:28103\"} 5\n",
        "\nmetasrv_raft_network_recv_bytes_total{from=\"7\"} 6\n",
        "\nmetasrv_raft_network_fail_connect_to_peer{id=\"\",addr=\"h:1\"} 3\n",
        "\nmetasrv_server_applying_snapshot 0\n", "\nmetasrv_raft_network_active_peers{id=\"\",addr=\"h:1\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  EXPECT_TRUE(text.starts_with("# HELP metasrv_server_current_leader_id Known leader, 0 if none.\n"));
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
}

TEST(Exposition, TimesTheStagesAndCountsTheTransfersOfANode) {
  TraceMetrics events(MakeLogTraceSink());
  events.Measure(NodeId(1), Stage::kReplicate, NodeId(2), Duration::Millis(3));
  events.Emit(NodeId(1), {TraceKind::kSnapshotSendStarted, 2, 9, {}});
  const std::string during = Metrics().Render({}, events);
  EXPECT_NE(during.find("\nmetasrv_raft_network_snapshot_send_inflights{to=\"2\"} 1\n"), std::string::npos);
  events.Emit(NodeId(1), {TraceKind::kSnapshotSendEnded, 2, 1, {}});
  const std::string text = Metrics().Render({}, events);
  for (const char* line : {"\nmetasrv_raft_network_append_sent_seconds_bucket{to=\"2\",le=\"0.002\"} 0\n",
                           "\nmetasrv_raft_network_append_sent_seconds_bucket{to=\"2\",le=\"0.004\"} 1\n",
                           "\nmetasrv_raft_stage_seconds_count{stage=\"replicate\"} 1\n",
                           "\nmetasrv_raft_network_snapshot_send_success_total{to=\"2\"} 1\n",
                           "\nmetasrv_raft_network_snapshot_send_inflights{to=\"2\"} 0\n",
                           "\nmetasrv_raft_network_snapshot_sent_seconds_count{to=\"2\"} 1\n",
                           "\nmetasrv_raft_events_total{kind=\"snapshot-send-ended\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Exposition, NamesWhoSendsAStateByItsAddress) {
  TraceMetrics events(MakeLogTraceSink());
  NodeFigures figures{SampleStatus(), {}, {}};
  events.Emit(NodeId(2), {TraceKind::kSnapshotReceiveStarted, 1, 9, {}});
  const std::string during = Metrics().Render(figures, events);
  EXPECT_NE(during.find("\nmetasrv_raft_network_snapshot_recv_inflights{from=\"localhost:28103\"} 1\n"),
            std::string::npos);
  EXPECT_NE(during.find("\nmetasrv_server_applying_snapshot 1\n"), std::string::npos);
  events.Emit(NodeId(2), {TraceKind::kSnapshotReceiveEnded, 1, 1, {}});
  events.Emit(NodeId(2), {TraceKind::kSnapshotReceiveStarted, 7, 9, {}});
  events.Emit(NodeId(2), {TraceKind::kSnapshotReceiveEnded, 7, 0, {}});
  const std::string text = Metrics().Render(figures, events);
  for (const char* line : {"\nmetasrv_server_applying_snapshot 0\n",
                           "\nmetasrv_raft_network_snapshot_recv_inflights{from=\"localhost:28103\"} 0\n",
                           "\nmetasrv_raft_network_snapshot_recv_success_total{from=\"localhost:28103\"} 1\n",
                           "\nmetasrv_raft_network_snapshot_recv_seconds_count{from=\"localhost:28103\"} 1\n",
                           "\nmetasrv_raft_network_snapshot_recv_failures_total{from=\"7\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Sessions, TokensAreWorthNothingElsewhere) {
  const Sessions one;
  const Sessions other;
  meta::HandshakeRequest request;
  pb::BasicAuth auth;
  auth.set_username("root");
  request.set_payload(auth.SerializeAsString());
  const auto response = one.Handshake(request);
  ASSERT_TRUE(response);
  EXPECT_TRUE(one.CheckToken(response->payload(), TokenRule::kAlways));
  EXPECT_FALSE(other.CheckToken(response->payload(), TokenRule::kAlways));
  EXPECT_FALSE(one.CheckToken(std::nullopt, TokenRule::kAlways));
}

TEST(Sessions, CheckTheConfiguredLogin) {
  const Sessions sessions(Login{"admin", "open sesame"});
  const auto handshake = [&sessions](const std::string& user, const std::string& password) {
    pb::BasicAuth auth;
    auth.set_username(user);
    auth.set_password(password);
    meta::HandshakeRequest request;
    request.set_payload(auth.SerializeAsString());
    return sessions.Handshake(request);
  };
  EXPECT_TRUE(handshake("admin", "open sesame"));
  EXPECT_EQ(handshake("admin", "open").error().text, "Wrong password of user: admin");
  EXPECT_EQ(handshake("admin", "").error().code, CallCode::kUnauthenticated);
  EXPECT_EQ(handshake("root", "open sesame").error().text, "Unknown user: root");
}

TEST(Sessions, WantTokensEverywhereOnceALoginIsConfigured) {
  EXPECT_TRUE(Sessions().CheckToken(std::nullopt, TokenRule::kWithLogin));
  EXPECT_FALSE(Sessions(Login{"admin", "open sesame"}).CheckToken(std::nullopt, TokenRule::kWithLogin));
}

TEST(Sessions, TakeATokenThatIsNotTextForNone) {
  EXPECT_EQ(Sessions().CheckToken("\xff", TokenRule::kAlways).error().text, "Error auth-token-bin is empty");
}

TEST(RequestLimits, NameTheLimitAndTheRemedy) {
  const RequestLimits limits{.key_bytes_max = 4, .value_bytes_max = 3, .txn_operations_max = 2};
  pb::Command command;
  auto& put = *command.mutable_transaction()->add_if_then()->mutable_put();
  put.set_key("1234");
  put.set_value("123");
  EXPECT_EQ(WhyTooLarge(command, limits), std::nullopt);
  put.set_value("1234");
  EXPECT_EQ(WhyTooLarge(command, limits),
            "the value of '1234' has 4 bytes, at most 3 are allowed: split or shorten it, or raise "
            "`grpc_limits.value_bytes_max`");
  put.set_key("12345");
  EXPECT_EQ(WhyTooLarge(command, limits),
            "the key '12345' has 5 bytes, at most 4 are allowed: split or shorten it, or raise "
            "`grpc_limits.key_bytes_max`");
}

TEST(RequestLimits, CountTheOperationsOfAllBranches) {
  const RequestLimits limits{.txn_operations_max = 2};
  pb::Command command;
  command.mutable_transaction()->add_operations()->add_operations();
  command.mutable_transaction()->add_if_then();
  EXPECT_EQ(WhyTooLarge(command, limits), std::nullopt);
  command.mutable_transaction()->add_else_then();
  EXPECT_NE(WhyTooLarge(command, limits), std::nullopt);
}

TEST(RequestLimits, LetLongKeysBeDeleted) {
  pb::Command command;
  command.mutable_transaction()->add_if_then()->mutable_delete_()->set_key("12345");
  EXPECT_EQ(WhyTooLarge(command, {.key_bytes_max = 4}), std::nullopt);
}

TEST(RequestLimits, CutLongKeysBetweenTwoCharacters) {
  pb::Command command;
  command.mutable_upsert_kv()->set_key(std::string(63, 'k') + "é and more");
  command.mutable_upsert_kv()->mutable_value()->set_update("v");
  EXPECT_TRUE(WhyTooLarge(command, {.key_bytes_max = 4})->starts_with("the key '" + std::string(63, 'k') + "…' has"));
}

TEST(Sessions, JudgeVersionBeforePayloadBeforeUser) {
  const Sessions sessions;
  meta::HandshakeRequest request;
  request.set_payload("\xff");
  request.set_protocol_version(1);
  EXPECT_EQ(sessions.Handshake(request).error().code, CallCode::kInvalidArgument);
  request.set_protocol_version(0);
  EXPECT_EQ(sessions.Handshake(request).error().code, CallCode::kInternal);
  request.clear_payload();
  EXPECT_EQ(sessions.Handshake(request).error().text, "Unknown user: ");
}

TEST(Errors, UnknownOutcomesAreRetryableAndSaySo) {
  node::WriteResult result;
  result.status = node::WriteStatus::kUnknown;
  result.detail = "the leader changed";
  for (const Routing routing : {Routing::kForward, Routing::kRedirect}) {
    const CallError error = ErrorOfWrite(result, routing);
    EXPECT_EQ(error.code, CallCode::kUnavailable);
    EXPECT_EQ(error.text, "unknown outcome: the write may or may not take effect: the leader changed");
  }
  result.status = node::WriteStatus::kRefused;
  EXPECT_EQ(ErrorOfWrite(result, Routing::kForward).code, CallCode::kResourceExhausted);
}

std::vector<std::string> Layout(const std::vector<std::string>& keys, std::optional<std::uint32_t> depth) {
  sm::MemStore store;
  sm::WriteBatch batch;
  for (const std::string& key : keys) batch.Put(sm::RecordRow(key), "");
  EXPECT_TRUE(store.Write(std::move(batch)));
  KeysLayout layout(store.NewSnapshot(), depth);
  std::vector<std::string> items;
  while (auto item = layout.Next()) items.push_back(item->prefix() + " " + std::to_string(item->count()));
  return items;
}

TEST(KeysLayout, ReportsChildrenBeforeParentsUpToTheDepth) {
  const std::string d = "databases/";
  const std::vector<std::string> keys{
      d + "1/tables/users/columns/a",    d + "1/tables/users/columns/b",  d + "1/tables/users/columns/c",
      d + "1/tables/orders/columns/a",   d + "1/tables/orders/columns/b", d + "2/tables/products/columns/a",
      d + "2/tables/products/columns/b", "system/config/max_connections", "system/stats/query_count"};
  EXPECT_EQ(Layout(keys, 1), (std::vector<std::string>{"databases 7", "system 2", " 9"}));
  EXPECT_EQ(Layout(keys, 2), (std::vector<std::string>{"databases/1 5", "databases/2 2", "databases 7",
                                                       "system/config 1", "system/stats 1", "system 2", " 9"}));
  EXPECT_EQ(Layout(keys, 0), std::vector<std::string>{" 9"});
  EXPECT_EQ(Layout(keys, std::nullopt).size(), 15U);
  EXPECT_EQ(Layout(keys, std::nullopt).front(), "databases/1/tables/orders/columns 2");
}

TEST(KeysLayout, PlainAndSlashFirstKeysAreCounted) {
  EXPECT_EQ(Layout({"/x", "y"}, std::nullopt), (std::vector<std::string>{" 1", " 2"}));
  EXPECT_EQ(Layout({}, std::nullopt), std::vector<std::string>{" 0"});
}

TEST(Peers, AddressesAreReadFromGrpcNames) {
  EXPECT_EQ(PeerAddress("ipv4:10.0.0.1:5"), "10.0.0.1:5");
  EXPECT_EQ(PeerAddress("ipv6:%5B::1%5D:5"), "[::1]:5");
  EXPECT_EQ(PeerAddress("unix:/x"), std::nullopt);
}

TEST(LeaderHint, IsTheAdvertisedAddressOfTheLeader) {
  TestNode node(TestNode::Kind::kSingle);
  std::promise<std::optional<std::string>> hint;
  node.handle().Run([&](node::Node&) { hint.set_value(node.handle().LeaderHint()); });
  EXPECT_EQ(hint.get_future().get(), "grpc-host:9191");
}

TEST(RaftSecrets, FollowTheRollOut) {
  struct Row {
    std::vector<std::string> accepted;
    bool strict;
    std::optional<std::string> secret;
    std::optional<std::string> refusal;
  };
  const Row rows[] = {
      {{}, false, std::nullopt, std::nullopt},
      {{}, false, "x", std::nullopt},
      {{"a", "b"}, false, std::nullopt, std::nullopt},
      {{"a", "b"}, true, "b", std::nullopt},
      {{"a", "b"}, true, "c", "raft secret is unaccepted: from:1.2.3.4:5"},
      {{"a", "b"}, true, std::nullopt, "raft secret is missing: from:1.2.3.4:5"},
  };
  Metrics metrics;
  const io::OsClock clock;
  for (const Row& row : rows) {
    RaftConfig config;
    config.raft_accepted_secrets = row.accepted;
    config.raft_secret_strict = row.strict;
    EXPECT_EQ(RaftSecretGate(config, metrics, clock).Check(row.secret, "ipv4:1.2.3.4:5"), row.refusal);
  }
  EXPECT_NE(
      metrics.Render({}, TraceMetrics(MakeLogTraceSink())).find("unauthenticated_passed_total{reason=\"missing\"} 1\n"),
      std::string::npos);
}

}  // namespace
}  // namespace metasrv::server
