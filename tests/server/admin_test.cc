// The admin routes that act on the node, called without a network.
#include <gtest/gtest.h>

#include "server/admin_routes.h"
#include "server/log.h"
#include "tests/server/test_node.h"

namespace metasrv::server {
namespace {

HttpReply Transfer(TestNode& node, const HttpQuery& query = {}) {
  const TraceMetrics events(MakeLogTraceSink());
  const AdminContext context{
      node.handle(), node.metrics(), events, [] { return PeerFigures{}; }, [] { return StateFigures{}; }, ""};
  return AdminRoutes(context).at("/v1/ctrl/trigger_transfer_leader")(query);
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
  for (const char* bad : {"abc", "", "1x", "-1", "99999999999999999999"}) {
    const HttpReply reply = Transfer(node, {{"to", bad}});
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.body, "`to` must be the id of a voter, not `" + std::string(bad) + "`; voter_ids=[1]");
  }
}

TEST(TransferLeader, OfANodeThatKnowsNoClusterIsNotFound) {
  TestNode node(TestNode::Kind::kAlone);
  const HttpReply reply = Transfer(node);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.body,
            "This node is not leader, can not transfer leadership;\nid=1\ncurrent_leader=None\nvoter_ids=[]");
}

}  // namespace
}  // namespace metasrv::server
