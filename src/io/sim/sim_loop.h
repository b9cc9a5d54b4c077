#pragma once

#include "io/event_loop.h"
#include "io/sim/sim_clock.h"
#include "io/sim/world.h"

namespace metasrv::io {

// The event loop of one incarnation of a node. Once that is dead, everything posted is dropped.
class SimLoop : public EventLoop {
 public:
  // `actor` comes from World::StartLife.
  SimLoop(World& world, const SimClock& clock, Actor actor) : world_(world), clock_(clock), actor_(actor) {}

  void Post(Task task) override;
  TimerId RunAt(Instant at, Task task) override;
  void Cancel(TimerId timer) override;

  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] Actor actor() const { return actor_; }

 private:
  World& world_;
  const SimClock& clock_;
  Actor actor_;
};

}  // namespace metasrv::io
