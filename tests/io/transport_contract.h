#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/io/transport_world.h"

// The contract of io::Transport as tests, over a network without faults. An implementation describes its world and
// instantiates the suite:
//
//   INSTANTIATE_TEST_SUITE_P(Simulated, TransportContract, testing::Values(&MakeSimTransportWorld));
namespace metasrv::test {

class TransportContract : public testing::TestWithParam<MakeTransportWorld> {
 protected:
  void SetUp() override {
    world_ = GetParam()();
    for (std::size_t node = 0; node < TransportWorld::kNodes; ++node) Up(node);
  }
  void TearDown() override { world_.reset(); }

  // Nodes keep what they hear and answer calls with "<node>:<request>", unless a test takes the calls over.
  void Up(std::size_t node) {
    world_->Up(
        node, [this, node](std::string bytes) { heard_[node].push_back(std::move(bytes)); },
        [this, node](std::string request, io::Transport::Responder respond) {
          if (on_call_) return on_call_(std::move(request), std::move(respond));
          respond(std::to_string(node) + ":" + request);
        });
  }

  struct Answer {
    io::CallEnd end{};
    std::string text;
  };
  // Starts a call; its answer appears in the result.
  std::shared_ptr<std::optional<Answer>> StartCall(std::size_t from, std::size_t to, std::string request,
                                                   Duration timeout = Duration::Seconds(20)) {
    auto answer = std::make_shared<std::optional<Answer>>();
    world_->at(from).Call(world_->endpoint(to), std::move(request), timeout,
                          [answer](io::CallEnd end, std::string text) {
                            EXPECT_FALSE(answer->has_value()) << "reported twice";
                            *answer = Answer{end, std::move(text)};
                          });
    return answer;
  }
  Answer Await(const std::shared_ptr<std::optional<Answer>>& answer) {
    world_->RunUntil([&] { return answer->has_value(); });
    return **answer;
  }
  void AwaitHeard(std::size_t node, std::size_t count) {
    world_->RunUntil([&] { return heard_[node].size() >= count; });
  }
  void Send(std::size_t from, std::size_t to, std::string bytes) {
    world_->at(from).Send(world_->endpoint(to), std::move(bytes));
  }

  std::unique_ptr<TransportWorld> world_;
  std::array<std::vector<std::string>, TransportWorld::kNodes> heard_;
  io::Transport::CallHandler on_call_;
};

TEST_P(TransportContract, BytesArriveAsTheyWereSent) {
  const std::string odd("\0\xff\r\n\0 \x80", 7);
  Send(0, 1, odd);
  AwaitHeard(1, 1);
  EXPECT_EQ(heard_[1].front(), odd);
  Send(1, 0, "");
  AwaitHeard(0, 1);
  EXPECT_EQ(heard_[0].front(), "");
}

TEST_P(TransportContract, ALargeMessageArrivesWhole) {
  std::string large(20 << 20U, 'x');
  large[12345] = 'y';
  Send(0, 1, large);
  AwaitHeard(1, 1);
  EXPECT_TRUE(heard_[1].front() == large);
}

TEST_P(TransportContract, ManyMessagesToManyPeersArriveEachAtItsOwn) {
  for (int i = 0; i < 200; ++i) {
    for (std::size_t to = 1; to < TransportWorld::kNodes; ++to)
      Send(0, to, std::to_string(to) + "/" + std::to_string(i));
  }
  for (std::size_t to = 1; to < TransportWorld::kNodes; ++to) {
    AwaitHeard(to, 200);
    ASSERT_EQ(heard_[to].size(), 200U);
    for (int i = 0; i < 200; ++i)
      EXPECT_EQ(heard_[to][static_cast<std::size_t>(i)], std::to_string(to) + "/" + std::to_string(i));
  }
  EXPECT_TRUE(heard_[0].empty());
}

TEST_P(TransportContract, NothingIsDeliveredFromInsideSend) {
  Send(0, 1, "a");
  EXPECT_TRUE(heard_[1].empty());
  AwaitHeard(1, 1);
}

TEST_P(TransportContract, ANodeMayTalkToItself) {
  Send(0, 0, "a");
  AwaitHeard(0, 1);
  EXPECT_EQ(Await(StartCall(0, 0, "b")).text, "0:b");
}

TEST_P(TransportContract, ACallIsAnsweredByTheOneWhoWasAsked) {
  const auto first = StartCall(0, 1, "hello");
  const auto second = StartCall(0, 2, "hello");
  const auto third = StartCall(1, 2, std::string(2 << 20U, 'z'));
  EXPECT_EQ(Await(first).text, "1:hello");
  EXPECT_EQ(Await(second).text, "2:hello");
  EXPECT_EQ(Await(third).end, io::CallEnd::kAnswered);
  EXPECT_EQ(Await(third).text.size(), (2U << 20U) + 2);
}

TEST_P(TransportContract, AnEmptyReplyIsAnAnswer) {
  on_call_ = [](const std::string&, io::Transport::Responder respond) { respond(""); };
  const Answer answer = Await(StartCall(0, 1, ""));
  EXPECT_EQ(answer.end, io::CallEnd::kAnswered);
  EXPECT_EQ(answer.text, "");
}

TEST_P(TransportContract, CallsMayBeAnsweredLaterAndInAnotherOrder) {
  std::vector<std::pair<std::string, io::Transport::Responder>> waiting;
  on_call_ = [&](std::string request, io::Transport::Responder respond) {
    waiting.emplace_back(std::move(request), std::move(respond));
  };
  const auto first = StartCall(0, 1, "first");
  const auto second = StartCall(0, 1, "second");
  world_->RunUntil([&] { return waiting.size() == 2; });
  EXPECT_FALSE(first->has_value());
  for (auto call = waiting.rbegin(); call != waiting.rend(); ++call) call->second("re " + call->first);
  EXPECT_EQ(Await(first).text, "re first");
  EXPECT_EQ(Await(second).text, "re second");
}

TEST_P(TransportContract, ACallThatNobodyAnswersEndsAtItsTimeout) {
  std::vector<io::Transport::Responder> ignored;
  on_call_ = [&](const std::string&, io::Transport::Responder respond) { ignored.push_back(std::move(respond)); };
  const auto answer = StartCall(0, 1, "a", Duration::Millis(50));
  EXPECT_EQ(Await(answer).end, io::CallEnd::kUnanswered);
  // A late answer finds nobody, and is no error.
  for (io::Transport::Responder& respond : ignored) respond("too late");
  on_call_ = nullptr;
  EXPECT_EQ(Await(StartCall(0, 1, "b")).text, "1:b");
  EXPECT_EQ((*answer)->end, io::CallEnd::kUnanswered);
}

TEST_P(TransportContract, ACallToADeadNodeIsReportedOnceAsNotReached) {
  world_->Down(1);
  EXPECT_EQ(Await(StartCall(0, 1, "a", Duration::Seconds(2))).end, io::CallEnd::kNotReached);
}

TEST_P(TransportContract, ANodeThatComesBackHearsAndIsHeardAgain) {
  Send(0, 1, "before");
  AwaitHeard(1, 1);
  world_->Down(1);
  Send(0, 1, "lost");
  Up(1);
  heard_[1].clear();
  // Messages may be lost until the connection is there again, so the sender repeats itself, as Raft does.
  const auto try_again = [&] {
    if (!heard_[1].empty()) return true;
    const auto call = StartCall(0, 1, "are you there", Duration::Seconds(5));
    Await(call);
    Send(0, 1, "after");
    return !heard_[1].empty();
  };
  world_->RunUntil(try_again);
  Send(1, 0, "I am here");
  AwaitHeard(0, 1);
  EXPECT_EQ(heard_[0].front(), "I am here");
}

TEST_P(TransportContract, ADeadNodeDoesNotDisturbTheOthers) {
  world_->Down(2);
  for (int i = 0; i < 50; ++i) {
    Send(0, 2, "x");
    Send(0, 1, "y");
  }
  AwaitHeard(1, 50);
  EXPECT_EQ(Await(StartCall(0, 1, "a")).text, "1:a");
}

TEST_P(TransportContract, ANodeMayGoWithCallsAndMessagesUnderWay) {
  std::vector<io::Transport::Responder> ignored;
  on_call_ = [&](const std::string&, io::Transport::Responder respond) { ignored.push_back(std::move(respond)); };
  const auto asked = StartCall(0, 1, "a", Duration::Seconds(3));
  const auto asking = StartCall(1, 0, "b", Duration::Seconds(3));
  world_->RunUntil([&] { return ignored.size() == 2; });
  Send(1, 0, std::string(4 << 20U, 'm'));
  world_->Down(1);
  EXPECT_EQ(Await(asked).end, io::CallEnd::kUnanswered) << "it had been asked";
  EXPECT_FALSE(asking->has_value()) << "the dead are not told";
  for (io::Transport::Responder& respond : ignored) respond("c");
}

}  // namespace metasrv::test
