// The admin routes that act on the node, called without a network.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "profile.pb.h"
#include "server/admin_routes.h"
#include "server/log.h"
#include "server/profiler.h"
#include "tests/server/test_node.h"

namespace metasrv::server {
namespace {

HttpReply Get(TestNode& node, const char* path, const HttpQuery& query = {}) {
  const TraceMetrics events(MakeLogTraceSink());
  const AdminContext context{
      node.handle(), node.metrics(), events, [] { return PeerFigures{}; }, [] { return StateFigures{}; }, ""};
  return AdminRoutes(context).at(path)(query);
}

HttpReply Transfer(TestNode& node, const HttpQuery& query = {}) {
  return Get(node, "/v1/ctrl/trigger_transfer_leader", query);
}

TEST(TransferLeader, OnASingleVoterAnswersItselfAndWritesGoOn) {
  TestNode node(TestNode::Kind::kSingle);
  const HttpReply reply = Transfer(node);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"from":1,"to":1,"voter_ids":[1]})");
  EXPECT_STREQ(reply.content_type, "application/json; charset=utf-8");
  EXPECT_EQ(Transfer(node, {{"to", "1"}}).body, reply.body);
  std::promise<node::WriteStatus> written;
  pb::Command command;
  command.mutable_set_feature()->set_feature("dummy");
  node.handle().Write(command, [&](const node::WriteResult& result) { written.set_value(result.status); });
  EXPECT_EQ(written.get_future().get(), node::WriteStatus::kApplied);
}

TEST(TransferLeader, RefusesATargetThatIsNoVoterAndNamesTheVoters) {
  TestNode node(TestNode::Kind::kSingle);
  const HttpReply stranger = Transfer(node, {{"to", "7"}});
  EXPECT_EQ(stranger.status, 400);
  EXPECT_EQ(stranger.body,
            "node 7 can not lead: it is not a voter, or about to be removed; choose one of voter_ids=[1]");
}

TEST(TransferLeader, ATargetThatIsNoNumberCountsAsNone) {
  TestNode node(TestNode::Kind::kSingle);
  for (const char* bad : {"abc", "", "1x", "-1", "99999999999999999999"}) {
    const HttpReply reply = Transfer(node, {{"to", bad}});
    EXPECT_EQ(reply.status, 200) << bad;
    EXPECT_EQ(reply.body, R"({"from":1,"to":1,"voter_ids":[1]})") << bad;
  }
}

TEST(TransferLeader, OfANodeThatKnowsNoClusterIsNotFound) {
  TestNode node(TestNode::Kind::kAlone);
  const HttpReply reply = Transfer(node);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.body,
            "This node is not leader, can not transfer leadership;\nid=1\ncurrent_leader=None\nvoter_ids=[]");
}

TEST(SetFeature, NeedsAKnownFeatureAndABoolean) {
  TestNode node(TestNode::Kind::kSingle);
  for (const HttpQuery& query : {HttpQuery{},
                                 {{"feature", "dummy"}},
                                 {{"enable", "true"}},
                                 {{"feature", "nonsense"}, {"enable", "true"}},
                                 {{"feature", "dummy"}, {"enable", "yes"}}}) {
    const HttpReply reply = Get(node, "/v1/features/set", query);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.body, "'feature' and 'enable' query parameters are required");
  }
  const HttpReply on = Get(node, "/v1/features/set", {{"feature", "dummy"}, {"enable", "true"}});
  EXPECT_EQ(on.body, R"({"features":["dummy","dummy_feature2"],"enabled":["dummy"]})");
  EXPECT_EQ(Get(node, "/v1/features/list").body, on.body);
}

TEST(ClusterState, OfOldListsMembersByRoleAndTheLeader) {
  TestNode node(TestNode::Kind::kSingle);
  const std::string record = R"({"name":"1","endpoint":{"addr":"raft-host","port":28004},)"
                             R"("grpc_api_advertise_address":"grpc-host:9191"})";
  EXPECT_EQ(Get(node, "/v1/cluster/state").body,
            R"({"voters":[)" + record + R"(],"non_voters":[],"leader":)" + record + "}");
}

TEST(Debugging, TheHomePageLinksToAProfile) {
  TestNode node(TestNode::Kind::kAlone);
  const HttpReply reply = Get(node, "/debug/home");
  EXPECT_STREQ(reply.content_type, "text/html; charset=utf-8");
  EXPECT_NE(reply.body.find("/debug/pprof/profile?seconds=5"), std::string::npos);
}

// Burns CPU time until it is told to stop.
class Burner {
 public:
  Burner() : thread_([this] { Burn(); }) {}
  ~Burner() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Burn() {
    while (!stop_) ++count_;
  }

  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> count_ = 0;
  std::thread thread_;
};

TEST(Debugging, AProfileCountsWhereCpuTimeGoes) {
  const Burner burner;
  const auto bytes = CpuProfile(std::chrono::milliseconds(300), 200);
  ASSERT_TRUE(bytes.has_value()) << bytes.error();
  perftools::profiles::Profile profile;
  ASSERT_TRUE(profile.ParseFromString(*bytes));
  EXPECT_EQ(profile.period(), 5'000'000);
  EXPECT_EQ(profile.duration_nanos(), 300'000'000);
  EXPECT_EQ(profile.string_table(0), "");
  EXPECT_EQ(profile.string_table(static_cast<int>(profile.sample_type(1).type())), "cpu");
  ASSERT_GT(profile.sample_size(), 0);
  for (const auto& sample : profile.sample()) {
    EXPECT_EQ(sample.value(1), sample.value(0) * profile.period());
    for (const std::uint64_t id : sample.location_id()) {
      ASSERT_LE(id, static_cast<std::uint64_t>(profile.location_size()));
      const auto& location = profile.location(static_cast<int>(id) - 1);
      EXPECT_EQ(location.id(), id);
      ASSERT_GT(location.mapping_id(), 0U);
      const auto& mapping = profile.mapping(static_cast<int>(location.mapping_id()) - 1);
      EXPECT_TRUE(mapping.memory_start() <= location.address() && location.address() < mapping.memory_limit());
    }
  }
}

}  // namespace
}  // namespace metasrv::server
