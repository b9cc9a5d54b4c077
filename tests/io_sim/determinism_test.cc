#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "io/sim/sim_machine.h"

namespace metasrv::io {
namespace {

constexpr std::uint64_t kNodes = 3;

// A toy node: writes what it hears to its log, passes it on once that is durable, and flushes now and then.
class Relay {
 public:
  Relay(World& world, SimNetwork& network, std::uint64_t id, const Faults& faults)
      : world_(world), machine_(world, network, NodeId(id), {"n" + std::to_string(id), 1}, faults) {
    PowerOn();
  }

  void PowerOn() {
    machine_.PowerOn();
    next_ = machine_.disk().IssuedLog().end().value();
    machine_.transport().Start([this](std::string bytes) { Hear(std::move(bytes)); },
                               [](std::string, Transport::Responder) {});
    Tick();
  }

  void Bounce() {
    if (machine_.running()) {
      machine_.Crash();
    } else {
      PowerOn();
    }
  }

 private:
  void Tick() {
    machine_.loop().RunAt(machine_.clock().Now() + Duration::Millis(5), [this] {
      PassOn("tick");
      Tick();
    });
  }
  void Hear(std::string bytes) {
    LogBatch batch;
    batch.append.push_back(Entry::Normal({Term(1), machine_.node(), LogIndex(next_++)}, bytes));
    machine_.log_store().Write(std::move(batch), [this, bytes](std::expected<void, Error> result) {
      if (result && bytes.size() < 12) PassOn(bytes + ".");
    });
    sm::WriteBatch row;
    row.Put(bytes, std::to_string(next_));
    if (machine_.state_store().Write(std::move(row)) && next_ % 16 == 0) machine_.state_store().Flush([](bool) {});
  }
  void PassOn(const std::string& bytes) {
    const std::uint64_t to = machine_.node().value() % kNodes + 1;
    machine_.transport().Send({"n" + std::to_string(to), 1}, bytes);
  }

  World& world_;
  SimMachine machine_;
  std::uint64_t next_ = 0;
};

Faults Rough() {
  Faults faults;
  faults.network.loss_ppm = 50'000;
  faults.network.duplicate_ppm = 50'000;
  faults.network.reorder_ppm = 100'000;
  faults.network.tail_ppm = 10'000;
  faults.disk.slow_ppm = 20'000;
  faults.disk.torn_writes = true;
  faults.clock.drift_ppm = 150;
  return faults;
}

struct Outcome {
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
  std::vector<std::uint64_t> checkpoints;
  std::vector<std::string> tail;
  std::string schedule;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome RunSeed(std::uint64_t seed, const std::vector<Decision>& overrides = {}) {
  constexpr DrawKind kVictim("test.victim");
  World world(seed);
  world.draws().Override(overrides);
  world.draws().StartRecording();
  SimNetwork network(world, Rough().network);
  std::vector<std::unique_ptr<Relay>> relays;
  for (std::uint64_t id = 1; id <= kNodes; ++id) {
    relays.push_back(std::make_unique<Relay>(world, network, id, Rough()));
  }
  for (int second = 0; second < 5; ++second) {
    relays[world.draws().Between(kVictim, 0, 0, kNodes - 1)]->Bounce();
    world.RunFor(Duration::Seconds(1));
  }
  return {world.digest(), world.event_count(), world.checkpoints(), world.trace().Tail(50),
          FormatSchedule(world.draws().Recorded())};
}

TEST(Determinism, TheSameSeedGivesTheSameRunToTheLastDetail) {
  const Outcome first = RunSeed(42);
  EXPECT_GT(first.events, 10'000U);
  EXPECT_EQ(first, RunSeed(42));
}

TEST(Determinism, AnotherSeedGivesAnotherRun) { EXPECT_NE(RunSeed(42).digest, RunSeed(43).digest); }

TEST(Determinism, AWrittenScheduleReplaysTheRunUnderItsSeed) {
  const Outcome original = RunSeed(42);
  const auto schedule = ParseSchedule(original.schedule);
  ASSERT_TRUE(schedule.has_value());
  EXPECT_EQ(RunSeed(42, *schedule), original);
}

TEST(Determinism, OneOverriddenDecisionChangesTheRun) {
  const Outcome original = RunSeed(42);
  EXPECT_NE(RunSeed(42, {{"net.loss", ActorOf(NodeId(1), NodeId(2)), 10, 1}}).digest, original.digest);
}

// Golden: this number must not depend on the compiler, the library or the machine.
TEST(Determinism, TheDigestOfASmallRunIsTheSameEverywhere) { EXPECT_EQ(RunSeed(7).digest, 6691380190202724806ULL); }

}  // namespace
}  // namespace metasrv::io
