#pragma once

#include <cstdint>
#include <optional>

#include "io/sim/faults.h"
#include "io/sim/sim_clock.h"
#include "io/sim/sim_disk.h"
#include "io/sim/sim_log_store.h"
#include "io/sim/sim_loop.h"
#include "io/sim/sim_network.h"
#include "io/sim/sim_state_store.h"
#include "io/sim/sim_transport.h"

namespace metasrv::io {

// One computer: what survives a crash (clock, disk, address) and what one incarnation of a node gets (loop, transport,
// stores). The order is always: PowerOn, make the node; Crash or Shutdown, destroy the node; PowerOn again.
class SimMachine {
 public:
  // World and network outlive the machine. `origin` of the clock is derived from the node id.
  SimMachine(World& world, SimNetwork& network, NodeId node, const Endpoint& endpoint, const Faults& faults = {});
  SimMachine(const SimMachine&) = delete;
  SimMachine& operator=(const SimMachine&) = delete;
  ~SimMachine();

  // Begins a new incarnation with fresh handles. Requires: not running; the old incarnation's node is destroyed.
  void PowerOn();
  // Kills the incarnation at once: nothing of it runs any more and the disk loses what was not durable. The handles
  // stay, inert, until the next PowerOn, so that the node can be destroyed. Requires: running.
  void Crash();
  // Kills the process, not the machine: as Crash, but the log keeps every issued write. Requires: running.
  void KillProcess();
  // Ends the incarnation in good order, after Node::Stop: its events are dropped, issued writes of log and state
  // still reach the disk.
  // Requires: running.
  void Shutdown();
  // Gives the machine an empty disk. Requires: not running.
  void Wipe();
  // Puts another disk into the machine. Requires: not running.
  void ReplaceDisk(DiskImage image);

  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] NodeId node() const { return node_; }
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] SimClock& clock() { return clock_; }
  [[nodiscard]] SimDisk& disk() { return disk_; }
  [[nodiscard]] const SimDisk& disk() const { return disk_; }

  // Of the present incarnation. Requires: PowerOn was called.
  [[nodiscard]] SimLoop& loop() { return *loop_; }
  [[nodiscard]] SimTransport& transport() { return *transport_; }
  [[nodiscard]] SimLogStore& log_store() { return *log_store_; }
  [[nodiscard]] SimStateStore& state_store() { return *state_store_; }

 private:
  void DropHandles();

  World& world_;
  SimNetwork& network_;
  NodeId node_;
  Endpoint endpoint_;
  SimClock clock_;
  SimDisk disk_;
  bool running_ = false;
  std::optional<SimLoop> loop_;
  std::optional<SimTransport> transport_;
  std::optional<SimLogStore> log_store_;
  std::optional<SimStateStore> state_store_;
};

}  // namespace metasrv::io
