// How reads are shared, and what a lease saves and when it does not.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "peer.pb.h"
#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using test::NodeWorld;
using Body = pb::PeerMessage::BodyCase;

class ReadTest : public testing::Test {
 protected:
  void Grow(bool lease) {
    for (std::uint64_t id = 1; id <= 3; ++id) {
      auto& options = world_.Add(id).options;
      options.raft.lease = lease;
      if (id > 1) {
        options.join = {world_[1].endpoint};
      } else {
        options.single = true;
      }
      world_.Start(id);
      ASSERT_TRUE(world_.RunUntil([&] { return world_[id].started.has_value(); }));
    }
    world_.loop.RunFor(Duration::Seconds(1));
    ASSERT_EQ(world_.Put(1, "k", "v").status, WriteStatus::kApplied);
    world_.loop.RunFor(Duration::Seconds(1));
    world_.network.on_send = [this](const std::string& bytes) {
      pb::PeerMessage message;
      ASSERT_TRUE(message.ParseFromString(bytes));
      ++sent_[message.body_case()];
    };
  }
  // `count` reads through node `via` in one turn of the loop; runs until all are answered.
  void ReadMany(std::uint64_t via, std::size_t count) {
    sent_.clear();
    std::size_t ready = 0;
    world_.loop.Post([&] {
      for (std::size_t i = 0; i < count; ++i) {
        world_.node(via).Read([&](const ReadResult& result) { ready += result.status == ReadStatus::kReady ? 1 : 0; });
      }
    });
    EXPECT_TRUE(world_.RunUntil([&] { return ready == count; }, Duration::Millis(100)));
  }

  NodeWorld world_;
  std::map<Body, int> sent_;
};

TEST_F(ReadTest, ReadsOfOneTurnShareOneConfirmationRound) {
  Grow(false);
  ReadMany(1, 100);
  EXPECT_LE(sent_[Body::kAppendRequest], 4) << "one round, and at most one heartbeat in between";
  EXPECT_GE(sent_[Body::kAppendRequest], 2);
}

TEST_F(ReadTest, ReadsOfOneTurnOnAFollowerShareOneQuestion) {
  Grow(false);
  ReadMany(2, 100);
  EXPECT_EQ(sent_[Body::kReadIndexRequest], 1);
  EXPECT_EQ(sent_[Body::kReadIndexResponse], 1);
}

TEST_F(ReadTest, UnderALeaseTheLeaderAsksNobody) {
  Grow(true);
  ReadMany(1, 100);
  EXPECT_EQ(sent_[Body::kAppendRequest], 0);
  ReadMany(2, 100);
  EXPECT_EQ(sent_[Body::kReadIndexRequest], 1);
  EXPECT_EQ(sent_[Body::kAppendRequest], 0);
}

TEST_F(ReadTest, AClockThatWasSetCostsALeaderOneRound) {
  Grow(true);
  world_.loop.SetWall(world_.loop.WallNow().value() + 600);
  ReadMany(1, 1);
  EXPECT_GE(sent_[Body::kAppendRequest], 2);
  world_.loop.RunFor(Duration::Millis(20));
  ReadMany(1, 1);
  EXPECT_EQ(sent_[Body::kAppendRequest], 0);
}

TEST_F(ReadTest, ALeaderThatWasCutOffStopsAnsweringBeforeAnotherOneIsElected) {
  Grow(true);
  world_.network.cut_off = {world_[1].endpoint};
  bool elected = false;
  int served = 0;
  for (int i = 0; i < 400 && !elected; ++i) {
    world_.node(1).Read([&](const ReadResult& result) {
      if (result.status != ReadStatus::kReady) return;
      ++served;
      EXPECT_FALSE(elected);
    });
    world_.loop.RunFor(Duration::Millis(10));
    elected = world_.node(2).leader() == NodeId(2) || world_.node(3).leader() == NodeId(3);
  }
  EXPECT_TRUE(elected);
  EXPECT_GT(served, 10);
}

}  // namespace
}  // namespace metasrv::node
