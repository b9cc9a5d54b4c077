#include "common/check.h"
#include "io/sim/sim_machine.h"
#include "tests/io/log_world.h"

namespace metasrv::test {
namespace {

class SimLogWorld final : public LogWorld {
 public:
  explicit SimLogWorld(std::uint64_t seed)
      : world_(seed),
        network_(world_),
        machine_(world_, network_, NodeId(1), Endpoint{.host = "n1", .port = 1}, FaultsWithTornWrites()) {}

  std::expected<void, io::Error> Open() override {
    machine_.PowerOn();
    return {};
  }
  io::LogStore& store() override { return machine_.log_store(); }
  void Close() override {
    machine_.Shutdown();
    // What was issued reaches the disk without the process.
    world_.RunFor(Duration::Seconds(10));
  }
  void Crash() override { machine_.Crash(); }
  void RunUntil(const std::function<bool()>& done) override {
    while (!done()) CHECK(world_.StepOne());
  }

  void FailNextSync() override { machine_.disk().FailNextLogSync(); }
  void SetFull(bool full) override { machine_.disk().SetFull(full); }
  void Damage() override { machine_.disk().CorruptLog(); }

 private:
  static io::Faults FaultsWithTornWrites() {
    io::Faults faults;
    faults.disk.torn_writes = true;
    return faults;
  }

  io::World world_;
  io::SimNetwork network_;
  io::SimMachine machine_;
};

}  // namespace

std::unique_ptr<LogWorld> MakeSimLogWorld(std::uint64_t seed) { return std::make_unique<SimLogWorld>(seed); }

}  // namespace metasrv::test
