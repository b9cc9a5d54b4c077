#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/sim/sim_machine.h"

namespace metasrv::io {
namespace {

// A node that keeps what it hears and answers every call with "re:" and the request.
class Listener {
 public:
  Listener(World& world, SimNetwork& network, std::uint64_t id)
      : machine_(world, network, NodeId(id), {"n" + std::to_string(id), 1}) {
    PowerOn();
  }
  void PowerOn() {
    machine_.PowerOn();
    machine_.transport().Start([this](std::string bytes) { heard.push_back(std::move(bytes)); },
                               [this](std::string request, Transport::Responder respond) {
                                 ++calls;
                                 respond("re:" + request);
                               });
  }
  void Send(const Listener& to, std::string bytes) {
    machine_.transport().Send(to.machine_.endpoint(), std::move(bytes));
  }
  void Call(const Endpoint& to, std::string request) {
    machine_.transport().Call(to, std::move(request), Duration::Millis(500), [this](CallEnd end, std::string text) {
      replies.push_back(end == CallEnd::kUnanswered ? "none" : text);
    });
  }
  SimMachine& machine() { return machine_; }
  const Endpoint& endpoint() const { return machine_.endpoint(); }

  std::vector<std::string> heard;
  std::vector<std::string> replies;
  int calls = 0;

 private:
  SimMachine machine_;
};

using Texts = std::vector<std::string>;

class Net : public testing::Test {
 protected:
  void Settle() { world_.RunFor(Duration::Seconds(5)); }
  NodeId A() { return a_.machine().node(); }
  NodeId B() { return b_.machine().node(); }

  World world_{1};
  SimNetwork network_{world_};
  Listener a_{world_, network_, 1};
  Listener b_{world_, network_, 2};
  Listener c_{world_, network_, 3};
};

TEST_F(Net, KeepsTheOrderOfALinkWithoutFaults) {
  Texts sent;
  for (int i = 0; i < 100; ++i) {
    sent.push_back(std::to_string(i));
    a_.Send(b_, sent.back());
  }
  Settle();
  EXPECT_EQ(b_.heard, sent);
  EXPECT_EQ(network_.counts().arrived, 100U);
}

TEST_F(Net, ReordersLosesAndRepeatsAsAskedFor) {
  NetworkFaults faults;
  faults.loss_ppm = 300'000;
  faults.duplicate_ppm = 300'000;
  faults.reorder_ppm = 500'000;
  network_.SetFaults(faults);
  for (int i = 0; i < 1000; ++i) a_.Send(b_, std::to_string(i));
  Settle();
  std::map<std::string, int> times;
  for (const std::string& text : b_.heard) ++times[text];
  EXPECT_NEAR(static_cast<double>(times.size()), 700, 60);
  EXPECT_NEAR(static_cast<double>(b_.heard.size() - times.size()), 210, 50);
  EXPECT_TRUE(std::ranges::all_of(times, [](const auto& entry) { return entry.second <= 2; }));
  EXPECT_NE(b_.heard.front(), b_.heard.back());
  EXPECT_EQ(network_.counts().sent, 1000U);
  EXPECT_EQ(network_.counts().lost, 1000 - times.size());
}

TEST_F(Net, DecidesTheFateOfAPacketWithoutRegardToOtherFaults) {
  const auto lost_with = [](std::uint32_t duplicate_ppm, bool traffic_on_another_link) {
    World world(5);
    NetworkFaults faults;
    faults.loss_ppm = 400'000;
    faults.duplicate_ppm = duplicate_ppm;
    SimNetwork network(world, faults);
    Listener a(world, network, 1);
    Listener b(world, network, 2);
    for (int i = 0; i < 100; ++i) {
      a.Send(b, std::to_string(i));
      if (traffic_on_another_link) b.Send(a, "x");
    }
    world.RunFor(Duration::Seconds(5));
    return std::set<std::string>(b.heard.begin(), b.heard.end());
  };
  EXPECT_EQ(lost_with(0, false), lost_with(500'000, false));
  EXPECT_EQ(lost_with(0, false), lost_with(0, true));
}

TEST_F(Net, ACutOneWayStopsOneDirectionOnly) {
  network_.CutOneWay(A(), B());
  a_.Send(b_, "lost");
  b_.Send(a_, "heard");
  Settle();
  EXPECT_TRUE(b_.heard.empty());
  EXPECT_EQ(a_.heard, Texts{"heard"});
  network_.CutOneWay(A(), B(), false);
  a_.Send(b_, "again");
  Settle();
  EXPECT_EQ(b_.heard, Texts{"again"});
}

TEST_F(Net, AnIsolatedNodeIsDeafAndMuteUntilHealed) {
  network_.Isolate(A());
  EXPECT_TRUE(network_.IsCut(A(), B()));
  EXPECT_FALSE(network_.IsCut(B(), NodeId(3)));
  a_.Send(b_, "1");
  c_.Send(a_, "2");
  c_.Send(b_, "3");
  Settle();
  EXPECT_TRUE(a_.heard.empty());
  EXPECT_EQ(b_.heard, Texts{"3"});
  network_.Heal();
  a_.Send(b_, "4");
  Settle();
  EXPECT_EQ(b_.heard, (Texts{"3", "4"}));
}

TEST_F(Net, AClogHoldsPacketsAndDeliversThemInOrderWhenItEnds) {
  network_.ClogOneWay(A(), B());
  a_.Send(b_, "1");
  a_.Send(b_, "2");
  Settle();
  EXPECT_TRUE(b_.heard.empty());
  network_.ClogOneWay(A(), B(), false);
  Settle();
  EXPECT_EQ(b_.heard, (Texts{"1", "2"}));
}

TEST_F(Net, APacketInFlightReachesTheNextIncarnationOfItsReceiver) {
  a_.Send(b_, "ghost");
  b_.machine().Crash();
  b_.PowerOn();
  a_.machine().Crash();
  Settle();
  EXPECT_EQ(b_.heard, Texts{"ghost"});
  EXPECT_EQ(network_.counts().ghosts, 1U);
}

TEST_F(Net, LosesPacketsToADeadNodeAndFromADeadNode) {
  b_.machine().Crash();
  a_.Send(b_, "nobody is there");
  b_.Send(a_, "the dead do not speak");
  Settle();
  EXPECT_TRUE(a_.heard.empty());
  EXPECT_TRUE(b_.heard.empty());
}

TEST_F(Net, AnswersACallOnce) {
  a_.Call(b_.endpoint(), "x");
  Settle();
  EXPECT_EQ(a_.replies, Texts{"re:x"});
  EXPECT_EQ(b_.calls, 1);
}

TEST_F(Net, ACallWhoseReplyIsLostWasHandledAndTimesOut) {
  network_.CutOneWay(B(), A());
  a_.Call(b_.endpoint(), "x");
  world_.RunFor(Duration::Millis(499));
  EXPECT_TRUE(a_.replies.empty());
  world_.RunFor(Duration::Millis(1));
  EXPECT_EQ(a_.replies, Texts{"none"});
  EXPECT_EQ(b_.calls, 1);
}

TEST_F(Net, ACallToADeadNodeOrAnUnknownAddressIsRefusedSoon) {
  b_.machine().Crash();
  a_.Call(b_.endpoint(), "x");
  a_.Call({"nowhere", 9}, "x");
  world_.RunFor(Duration::Millis(10));
  EXPECT_EQ(a_.replies, (Texts{"unknown address", "connection refused"}));
}

TEST_F(Net, AReplyDoesNotReachTheNextIncarnationOfTheCaller) {
  a_.Call(b_.endpoint(), "x");
  world_.RunFor(Duration::Micros(1));
  a_.machine().Crash();
  a_.PowerOn();
  Settle();
  EXPECT_EQ(b_.calls, 1);
  EXPECT_TRUE(a_.replies.empty());
}

TEST_F(Net, FollowsANodeToItsNewAddress) {
  const Endpoint old = b_.endpoint();
  network_.Register(B(), {"moved", 2});
  a_.machine().transport().Send(old, "lost");
  a_.machine().transport().Send({"moved", 2}, "found");
  Settle();
  EXPECT_EQ(b_.heard, Texts{"found"});
}

TEST_F(Net, LinkFaultsReplaceThoseOfTheNetwork) {
  NetworkFaults faults;
  faults.loss_ppm = 1'000'000;
  network_.SetLinkFaults(A(), B(), faults);
  a_.Send(b_, "lost");
  c_.Send(b_, "heard");
  Settle();
  EXPECT_EQ(b_.heard, Texts{"heard"});
}

class Watcher : public NetworkObserver {
 public:
  void OnLeave(const Packet& packet) override { left.push_back(std::string(packet.bytes)); }
  void OnArrive(const Packet& packet) override { arrived.push_back(std::string(packet.bytes)); }
  std::vector<std::string> left;
  std::vector<std::string> arrived;
};

TEST_F(Net, TheObserverSeesEveryPacketLeaveAlsoThoseThatAreLost) {
  Watcher watcher;
  network_.SetObserver(&watcher);
  network_.CutOneWay(A(), B());
  a_.Send(b_, "lost");
  a_.Send(c_, "kept");
  Settle();
  EXPECT_EQ(watcher.left, (Texts{"lost", "kept"}));
  EXPECT_EQ(watcher.arrived, Texts{"kept"});
  network_.SetObserver(nullptr);
}

TEST_F(Net, APausedNodeHearsWhatArrivedOnceItResumes) {
  world_.Pause(B());
  a_.Send(b_, "1");
  Settle();
  EXPECT_TRUE(b_.heard.empty());
  world_.Resume(B());
  Settle();
  EXPECT_EQ(b_.heard, Texts{"1"});
}

}  // namespace
}  // namespace metasrv::io
