#include "node/outbox.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/node_world.h"

namespace metasrv::node {
namespace {

using Lines = std::vector<std::string>;

class OutboxTest : public testing::Test {
 protected:
  void Append(std::uint64_t to, std::uint64_t commit_end, std::uint64_t round, std::size_t entries = 0) {
    AppendRequest request{Term(2), std::nullopt, {}, LogIndex(commit_end), round};
    for (std::size_t i = 0; i < entries; ++i) {
      request.entries.push_back(Entry::Blank({Term(2), NodeId(1), LogIndex(i)}));
    }
    outbox_.Add(NodeId(to), request);
  }
  // What was sent since the last call: "peer: commit point, entries".
  Lines Sent() { return std::exchange(sent_, {}); }

  test::NodeWorld world_;
  test::Machine& machine_ = world_.Add(1);
  Context context_{NodeOptions(),
                   {world_.loop, world_.loop, *machine_.transport, machine_.log, machine_.state, machine_.trace, 0, {}},
                   {}};
  Lines sent_;
  Outbox outbox_{context_, [this](NodeId to, const Message& message) {
                   std::string line = std::to_string(to.value()) + ": ";
                   if (const auto* append = std::get_if<AppendRequest>(&message)) {
                     line += std::to_string(append->commit_end.value()) + ", " + std::to_string(append->entries.size());
                   } else {
                     line += "other";
                   }
                   sent_.push_back(line);
                 }};
};

TEST_F(OutboxTest, EverythingLeavesWithTheFlushInOrder) {
  Append(2, 1, 1, 3);
  outbox_.Add(NodeId(3), VoteResponse{Term(2), false, true});
  Append(3, 1, 1, 3);
  EXPECT_EQ(Sent(), Lines());
  outbox_.Flush();
  EXPECT_EQ(Sent(), (Lines{"2: 1, 3", "3: other", "3: 1, 3"}));
}

TEST_F(OutboxTest, ACommitPointWaitsForAMillisecondAndThenGoesAlone) {
  Append(2, 1, 1, 3);
  outbox_.Flush();
  Sent();
  Append(2, 4, 1);
  outbox_.Flush();
  EXPECT_EQ(Sent(), Lines());
  world_.loop.RunFor(Duration::Millis(1));
  EXPECT_EQ(Sent(), Lines{"2: 4, 0"});
}

TEST_F(OutboxTest, TheNextAppendToThatPeerTakesItsPlace) {
  for (const std::uint64_t peer : {2, 3}) Append(peer, 1, 1, 3);
  for (const std::uint64_t peer : {2, 3}) Append(peer, 4, 1);
  Append(2, 5, 1, 2);
  outbox_.Flush();
  EXPECT_EQ(Sent(), (Lines{"2: 1, 3", "3: 1, 3", "2: 5, 2"}));
  world_.loop.RunFor(Duration::Millis(1));
  EXPECT_EQ(Sent(), Lines{"3: 4, 0"});
}

TEST_F(OutboxTest, ANewConfirmationRoundDoesNotWait) {
  Append(2, 1, 1, 3);
  Append(2, 4, 1);
  Append(2, 4, 2);
  outbox_.Flush();
  EXPECT_EQ(Sent(), (Lines{"2: 1, 3", "2: 4, 0"}));
  world_.loop.RunFor(Duration::Seconds(1));
  EXPECT_EQ(Sent(), Lines());
}

TEST_F(OutboxTest, NothingLeavesAfterTheStop) {
  Append(2, 1, 1, 3);
  Append(2, 4, 1);
  outbox_.Stop();
  outbox_.Flush();
  world_.loop.RunFor(Duration::Seconds(1));
  EXPECT_EQ(Sent(), Lines());
}

}  // namespace
}  // namespace metasrv::node
