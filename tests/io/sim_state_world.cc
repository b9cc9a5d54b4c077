#include "common/check.h"
#include "io/sim/sim_machine.h"
#include "tests/io/state_world.h"

namespace metasrv::test {
namespace {

class SimStateWorld final : public StateWorld {
 public:
  explicit SimStateWorld(std::uint64_t seed)
      : world_(seed), network_(world_), machine_(world_, network_, NodeId(1), Endpoint{.host = "n1", .port = 1}) {}

  std::expected<void, io::Error> Open() override {
    machine_.PowerOn();
    return {};
  }
  sm::Store& store() override { return machine_.state_store(); }
  void Close() override {
    machine_.Shutdown();
    // What was issued reaches the disk without the process.
    world_.RunFor(Duration::Seconds(10));
  }
  void Crash() override { machine_.Crash(); }
  void RunUntil(const std::function<bool()>& done) override {
    while (!done()) CHECK(world_.StepOne());
  }
  void FailNextSync() override { machine_.disk().FailNextStateSync(); }

 private:
  io::World world_;
  io::SimNetwork network_;
  io::SimMachine machine_;
};

}  // namespace

std::unique_ptr<StateWorld> MakeSimStateWorld(std::uint64_t seed) { return std::make_unique<SimStateWorld>(seed); }

}  // namespace metasrv::test
