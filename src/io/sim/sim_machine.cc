#include "io/sim/sim_machine.h"

#include <utility>

#include "common/check.h"

namespace metasrv::io {
namespace {

// Every machine's monotonic clock shows something else, so that nobody gets away with comparing two of them.
Duration OriginOf(NodeId node) { return Duration::Millis(1'000'003 + 7919 * static_cast<std::int64_t>(node.value())); }

}  // namespace

SimMachine::SimMachine(World& world, SimNetwork& network, NodeId node, const Endpoint& endpoint, const Faults& faults)
    : world_(world),
      network_(network),
      node_(node),
      endpoint_(endpoint),
      clock_(world, faults.clock, OriginOf(node)),
      disk_(world, node, faults.disk) {
  network_.Register(node, endpoint);
}

SimMachine::~SimMachine() {
  if (running_) world_.Kill(node_);
  DropHandles();
}

void SimMachine::PowerOn() {
  CHECK(!running_);
  DropHandles();
  running_ = true;
  loop_.emplace(world_, clock_, world_.StartLife(node_));
  transport_.emplace(network_, *loop_, node_);
  log_store_.emplace(disk_, *loop_);
  state_store_.emplace(disk_, *loop_);
}

void SimMachine::Crash() {
  CHECK(running_);
  running_ = false;
  world_.Kill(node_);
  disk_.Crash();
}

void SimMachine::KillProcess() {
  CHECK(running_);
  running_ = false;
  world_.Kill(node_);
  disk_.LoseProcess();
}

void SimMachine::Shutdown() {
  CHECK(running_);
  running_ = false;
  world_.Kill(node_);
}

void SimMachine::Wipe() {
  CHECK(!running_);
  DropHandles();
  disk_.Wipe();
}

void SimMachine::ReplaceDisk(DiskImage image) {
  CHECK(!running_);
  DropHandles();
  disk_.Replace(std::move(image));
}

void SimMachine::DropHandles() {
  state_store_.reset();
  log_store_.reset();
  transport_.reset();
  loop_.reset();
}

}  // namespace metasrv::io
