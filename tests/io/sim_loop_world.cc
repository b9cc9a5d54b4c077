#include "common/check.h"
#include "io/sim/sim_clock.h"
#include "io/sim/sim_loop.h"
#include "tests/io/loop_world.h"

namespace metasrv::test {
namespace {

class SimLoopWorld final : public LoopWorld {
 public:
  SimLoopWorld() : world_(1), clock_(world_, {.drift_ppm = 1234}), loop_(world_, clock_, world_.StartLife(NodeId(1))) {}

  io::EventLoop& loop() override { return loop_; }
  const io::Clock& clock() override { return clock_; }
  void RunUntil(const std::function<bool()>& done) override {
    while (!done()) CHECK(world_.StepOne());
  }

 private:
  io::World world_;
  io::SimClock clock_;
  io::SimLoop loop_;
};

}  // namespace

std::unique_ptr<LoopWorld> MakeSimLoopWorld() { return std::make_unique<SimLoopWorld>(); }

}  // namespace metasrv::test
