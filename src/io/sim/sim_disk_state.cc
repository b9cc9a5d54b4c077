// The state half of SimDisk: versions of a persistent map, flushed and installed one operation at a time.

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "io/sim/sim_disk.h"
#include "sm/mem_store.h"

namespace metasrv::io {
namespace {

constexpr DrawKind kFlush("disk.flush");
constexpr DrawKind kSlow("disk.slow_flush");
constexpr DrawKind kFlushError("disk.flush_error");
constexpr DrawKind kPrefixAny("disk.state_prefix_any");
constexpr DrawKind kPrefix("disk.state_prefix");
// A state without a write-ahead log mostly comes back as of its last flush.
constexpr std::uint32_t kPrefixAnyPpm = 500'000;

}  // namespace

void SimDisk::AttachState(const void* handle, EventLoop& loop) {
  CHECK(state_process_.handle == nullptr);
  if (state_.poisoned) CrashState();
  SettleState();
  state_process_ = {handle, &loop};
}

void SimDisk::DetachState(const void* handle) {
  if (state_process_.handle != handle) return;
  state_process_ = {};
  for (StateOp& op : state_.ops) op.done = nullptr;
}

// Closing in good order flushed what was written; an install that had not finished is forgotten.
void SimDisk::SettleState() {
  world_.Cancel(std::exchange(state_event_, 0));
  if (!state_.pending.empty()) state_.durable = state_.pending.back();
  state_.pending.clear();
  state_.durable_through = state_.written;
  state_.ops.clear();
  state_.issued = state_.durable;
  state_.installed = false;
  state_due_ = false;
}

bool SimDisk::WriteState(const void* handle, sm::WriteBatch batch) {
  if (state_process_.handle != handle || state_.poisoned) return false;
  CHECK(!Installing());
  world_.Mix(MixHash(node_.value(), batch.changes.size()));
  sm::ApplyTo(state_.issued.rows, std::move(batch));
  state_.pending.push_back(state_.issued);
  ++state_.written;
  return true;
}

void SimDisk::RotState(std::string_view key, const std::function<std::string(const std::string& value)>& change) {
  const auto rot = [&](StateMap& rows) {
    const std::string* value = rows.Find(key);
    if (value != nullptr) rows.Put(std::string(key), change(*value));
  };
  rot(state_.durable.rows);
  rot(state_.issued.rows);
  for (StateImage& image : state_.pending) rot(image.rows);
  for (StateOp& op : state_.ops) {
    if (!op.install) rot(op.target.rows);
  }
}

void SimDisk::StageState(const void* handle, std::optional<sm::StagedRows> staged) {
  if (state_process_.handle != handle || state_.poisoned) return;
  CHECK(!Installing());
  world_.Mix(MixHash(node_.value(), staged ? staged->rows.size() : 0));
  state_.issued.staged = std::move(staged);
  state_.pending.push_back(state_.issued);
  ++state_.written;
}

void SimDisk::FlushState(const void* handle, std::move_only_function<void(bool ok)> done) {
  if (state_process_.handle == handle) AddStateOp({NewestState(), state_.written, false, std::move(done)});
}

void SimDisk::InstallState(const void* handle, StateMap rows, std::move_only_function<void(bool ok)> done) {
  if (state_process_.handle == handle) AddStateOp({{std::move(rows), {}}, state_.written, true, std::move(done)});
}

bool SimDisk::Installing() const {
  return state_.installed || std::ranges::any_of(state_.ops, [](const StateOp& op) { return op.install; });
}

// What a flush asked for now makes durable: never the state that a running install is about to replace.
const StateImage& SimDisk::NewestState() const {
  for (auto op = state_.ops.rbegin(); op != state_.ops.rend(); ++op) {
    if (op->install) return op->target;
  }
  return state_.installed ? state_.durable : state_.issued;
}

void SimDisk::AddStateOp(StateOp op) {
  if (state_.poisoned) return AnswerState(std::move(op), false);
  state_.ops.push_back(std::move(op));
  if (state_.ops.size() == 1) StartStateOp();
}

void SimDisk::StartStateOp() {
  if (state_.ops.empty()) return;
  const bool install = state_.ops.front().install;
  const Duration low = install ? faults_.install_min : faults_.flush_min;
  const Duration high = install ? faults_.install_max : faults_.flush_max;
  state_event_ =
      Schedule(Latency(kFlush, kSlow, state_syncs_++, low, high), state_.ops.front().covers, [this] { StateOpDue(); });
}

void SimDisk::StateOpDue() {
  state_event_ = 0;
  if (stalled_) {
    state_due_ = true;
  } else if (Fails(kFlushError, state_syncs_ - 1, fail_state_)) {
    StateOpFailed();
  } else {
    StateOp op = std::move(state_.ops.front());
    state_.ops.pop_front();
    StateOpDone(std::move(op));
  }
}

void SimDisk::StateOpDone(StateOp op) {
  for (; state_.durable_through < op.covers; ++state_.durable_through) state_.pending.pop_front();
  state_.durable = op.target;
  const DiskStep step = op.install ? DiskStep::kInstalled : DiskStep::kStateFlushed;
  state_.installed = op.install && state_process_.handle != nullptr;
  world_.Note(MarkKind::kFlushed, node_, {}, op.covers, op.install ? 1 : 0);
  AnswerState(std::move(op), true);
  StartStateOp();
  Observe(step);
}

void SimDisk::StateOpFailed() {
  state_.poisoned = true;
  for (StateOp& op : std::exchange(state_.ops, {})) AnswerState(std::move(op), false);
}

void SimDisk::AnswerState(StateOp op, bool ok) {
  if (state_process_.handle == nullptr || !op.done) return;
  state_process_.loop->Post([this, ok, handle = state_process_.handle, op = std::move(op)]() mutable {
    const bool attached = state_process_.handle == handle;
    // Installed rows replace what the process reads here, on its own loop, not under a running task.
    if (ok && op.install && attached) {
      state_.issued = std::move(op.target);
      state_.installed = false;
    }
    op.done(ok);
  });
}

void SimDisk::CrashState() {
  world_.Cancel(std::exchange(state_event_, 0));
  Draws& draws = world_.draws();
  const std::uint64_t prefix = draws.Between(kPrefix, ActorOf(node_), 0, state_.pending.size());
  const bool any = draws.Chance(kPrefixAny, ActorOf(node_), kPrefixAnyPpm);
  if (any && prefix > 0) state_.durable = state_.pending[prefix - 1];
  state_.durable_through = state_.written;
  state_.pending.clear();
  state_.ops.clear();
  state_.issued = state_.durable;
  state_.poisoned = false;
  state_.installed = false;
  state_due_ = false;
}

}  // namespace metasrv::io
