#include <array>
#include <memory>

#include "common/check.h"
#include "io/sim/sim_machine.h"
#include "tests/io/transport_world.h"

namespace metasrv::test {
namespace {

class SimTransportWorld final : public TransportWorld {
 public:
  SimTransportWorld() : world_(1), network_(world_) {
    for (std::size_t node = 0; node < kNodes; ++node) {
      machines_[node] = std::make_unique<io::SimMachine>(world_, network_, NodeId(node + 1), endpoint(node));
    }
  }

  void Up(std::size_t node, io::Transport::MessageHandler on_message, io::Transport::CallHandler on_call) override {
    machines_[node]->PowerOn();
    machines_[node]->transport().Start(std::move(on_message), std::move(on_call));
  }
  void Down(std::size_t node) override { machines_[node]->Crash(); }
  io::Transport& at(std::size_t node) override { return machines_[node]->transport(); }
  Endpoint endpoint(std::size_t node) const override { return {.host = "n" + std::to_string(node + 1), .port = 28004}; }
  void RunUntil(const std::function<bool()>& done) override {
    while (!done()) CHECK(world_.StepOne());
  }

 private:
  io::World world_;
  io::SimNetwork network_;
  std::array<std::unique_ptr<io::SimMachine>, kNodes> machines_;
};

}  // namespace

std::unique_ptr<TransportWorld> MakeSimTransportWorld() { return std::make_unique<SimTransportWorld>(); }

}  // namespace metasrv::test
