#include "io/sim/sim_disk.h"

#include <utility>

#include "common/check.h"

namespace metasrv::io {
SimDisk::SimDisk(World& world, NodeId node, const DiskFaults& faults) : world_(world), node_(node), faults_(faults) {}

SimDisk::~SimDisk() {
  world_.Cancel(log_event_);
  world_.Cancel(state_event_);
}

void SimDisk::Crash() {
  log_process_ = {};
  state_process_ = {};
  CrashLog();
  CrashState();
}

void SimDisk::LoseProcess() {
  DetachLog(log_process_.handle);
  state_process_ = {};
  CrashState();
}

void SimDisk::Wipe() {
  CHECK(log_process_.handle == nullptr && state_process_.handle == nullptr);
  world_.Cancel(std::exchange(log_event_, 0));
  world_.Cancel(std::exchange(state_event_, 0));
  log_ = {};
  state_ = {};
  log_due_ = false;
  state_due_ = false;
  corrupt_ = false;
}

void SimDisk::Replace(DiskImage image) {
  Wipe();
  log_.issued = image.log;
  log_.durable = std::move(image.log);
  state_.issued = image.state;
  state_.durable = std::move(image.state);
}

void SimDisk::SetSlowdown(std::uint32_t factor) {
  CHECK_GT(factor, 0U);
  slowdown_ = factor;
}

void SimDisk::SetStalled(bool stalled) {
  stalled_ = stalled;
  if (stalled) return;
  if (std::exchange(log_due_, false)) log_event_ = Schedule(Duration(), 0, [this] { LogSyncDue(); });
  if (std::exchange(state_due_, false)) state_event_ = Schedule(Duration(), 0, [this] { StateOpDue(); });
}

void SimDisk::SetReadsHeld(bool held) {
  reads_held_ = held;
  if (held) return;
  for (Task& answer : std::exchange(held_reads_, {})) Schedule(Duration(), 0, std::move(answer));
}

Duration SimDisk::Latency(const DrawKind& kind, const DrawKind& slow, std::uint64_t counter, Duration low,
                          Duration high) {
  Draws& draws = world_.draws();
  const Duration base = draws.BetweenAt(kind, ActorOf(node_), counter, low, high) * slowdown_;
  return draws.ChanceAt(slow, ActorOf(node_), counter, faults_.slow_ppm) ? base * faults_.slow_factor : base;
}

bool SimDisk::Fails(const DrawKind& kind, std::uint64_t counter, bool& forced) {
  const bool drawn = world_.draws().ChanceAt(kind, ActorOf(node_), counter, faults_.sync_error_ppm);
  return std::exchange(forced, false) || drawn;
}

EventId SimDisk::Schedule(Duration delay, std::uint64_t payload, Task run) {
  return world_.At(world_.now() + delay, Actor::AnyLife(node_), EventKind::kDisk, payload, std::move(run));
}

void SimDisk::Observe(DiskStep step) const {
  if (observer_) observer_(node_, step);
}

}  // namespace metasrv::io
