#pragma once

#include <functional>
#include <memory>

#include "io/clock.h"
#include "io/event_loop.h"

// What the contract tests of io::EventLoop and io::Clock need.
namespace metasrv::test {

class LoopWorld {
 public:
  virtual ~LoopWorld() = default;
  [[nodiscard]] virtual io::EventLoop& loop() = 0;
  [[nodiscard]] virtual const io::Clock& clock() = 0;
  // Runs the loop until `done()` holds; it is asked between tasks. Tasks may be posted before and after.
  virtual void RunUntil(const std::function<bool()>& done) = 0;
};

using MakeLoopWorld = std::unique_ptr<LoopWorld> (*)();

// ThreadLoop with OsClock.
[[nodiscard]] std::unique_ptr<LoopWorld> MakeThreadLoopWorld();
// SimLoop with SimClock.
[[nodiscard]] std::unique_ptr<LoopWorld> MakeSimLoopWorld();

}  // namespace metasrv::test
