#include "io/sim/world.h"

#include <algorithm>

#include "common/check.h"
#include "io/sim/sim_clock.h"

namespace metasrv::io {
namespace {

// Stands for an event at the end of time: it has an id, but nothing is kept for it.
constexpr EventId kNeverEvent = ~EventId{0};
// Below this many dead items the heap is not worth cleaning.
constexpr std::size_t kCancelledMin = 256;

EventId IdOf(std::uint32_t slot, std::uint32_t generation) { return (std::uint64_t{generation} << 32) | (slot + 1); }

std::uint64_t HashOf(Actor actor) { return (std::uint64_t{actor.node} << 32) | actor.incarnation; }

bool WaitsForResume(EventKind kind) { return kind != EventKind::kHarness && kind != EventKind::kDisk; }

}  // namespace

const char* ToString(EventKind kind) {
  switch (kind) {
    case EventKind::kHarness: return "harness";
    case EventKind::kTask: return "task";
    case EventKind::kTimer: return "timer";
    case EventKind::kArrival: return "arrival";
    case EventKind::kCallTimeout: return "call timeout";
    case EventKind::kDisk: return "disk";
  }
  return "?";
}

World::World(std::uint64_t seed) : draws_(seed), digest_(MixHash(0, seed)) {}

const World::Life& World::LifeOf(NodeId node) const {
  static const Life kNeverStarted;
  return node.value() < lives_.size() ? lives_[node.value()] : kNeverStarted;
}

bool World::Current(const Item& item) const {
  const Slot& slot = slots_[item.slot];
  return slot.used && slot.generation == item.generation;
}

// --- Events ---

EventId World::At(Instant when, Actor actor, EventKind kind, std::uint64_t payload, Task run) {
  Slot slot;
  slot.run = std::move(run);
  slot.payload = payload;
  slot.actor = actor;
  slot.kind = kind;
  return Add(when, std::move(slot));
}

EventId World::AtLocal(const SimClock& clock, Instant local, Actor actor, Task run) {
  Slot slot;
  slot.run = std::move(run);
  slot.clock = &clock;
  slot.local = local;
  slot.actor = actor;
  slot.kind = EventKind::kTimer;
  return Add(clock.ToWorld(local), std::move(slot));
}

EventId World::Add(Instant when, Slot slot) {
  if (!Alive(slot.actor) || when == Instant::Never()) return kNeverEvent;
  std::uint32_t position = 0;
  if (free_slots_.empty()) {
    position = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    position = free_slots_.back();
    free_slots_.pop_back();
  }
  slot.generation = slots_[position].generation;
  slot.used = true;
  slots_[position] = std::move(slot);
  Push(std::max(when, now_), position);
  return IdOf(position, slots_[position].generation);
}

void World::Push(Instant when, std::uint32_t slot) {
  heap_.push_back({when.micros(), sequence_++, slot, slots_[slot].generation});
  std::push_heap(heap_.begin(), heap_.end(), Later());
}

void World::Release(std::uint32_t slot) {
  const Task doomed = std::exchange(slots_[slot].run, Task());  // dies last: its destructor may come back here
  slots_[slot].used = false;
  ++slots_[slot].generation;
  free_slots_.push_back(slot);
}

void World::Cancel(EventId id) {
  const std::uint64_t slot = (id & 0xffffffff) - 1;
  if (slot >= slots_.size() || !slots_[slot].used || slots_[slot].generation != id >> 32) return;
  Release(static_cast<std::uint32_t>(slot));
  ++cancelled_;
  DropCancelled();
}

void World::DropCancelled() {
  if (cancelled_ < kCancelledMin || cancelled_ * 2 < heap_.size()) return;
  std::erase_if(heap_, [this](const Item& item) { return !Current(item); });
  std::make_heap(heap_.begin(), heap_.end(), Later());
  cancelled_ = 0;
}

void World::PruneTop() {
  while (!heap_.empty()) {
    const Item top = heap_.front();
    const bool current = Current(top);
    if (current && !Hold(top) && !TooEarly(top)) return;
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    heap_.pop_back();
    if (!current && cancelled_ > 0) --cancelled_;
  }
}

bool World::StepOne() {
  PruneTop();
  if (heap_.empty()) return false;
  const Item item = heap_.front();
  std::pop_heap(heap_.begin(), heap_.end(), Later());
  heap_.pop_back();
  Fire(item);
  return true;
}

void World::Fire(const Item& item) {
  Slot& slot = slots_[item.slot];
  now_ = Instant::FromMicros(item.micros);
  Mix((static_cast<std::uint64_t>(item.micros) << 4) | static_cast<std::uint64_t>(slot.kind));
  Mix(HashOf(slot.actor));
  Mix(slot.payload);
  if (++event_count_ % kCheckpointEvents == 0) checkpoints_.push_back(digest_);
  Task run = std::move(slot.run);
  Release(item.slot);
  run();
}

void World::RunUntil(Instant end) {
  while (NextEventTime() <= end && StepOne()) {
  }
  now_ = std::max(now_, end);
}

Instant World::NextEventTime() {
  PruneTop();
  return heap_.empty() ? Instant::Never() : Instant::FromMicros(heap_.front().micros);
}

// --- Lives of nodes ---

bool World::Alive(Actor actor) const {
  if (actor.incarnation == 0) return true;
  const Life& life = LifeOf(NodeId(actor.node));
  return life.alive && life.incarnation == actor.incarnation;
}

Actor World::StartLife(NodeId node) {
  CHECK_LT(node.value(), kNodeLimit);
  if (lives_.size() <= node.value()) lives_.resize(node.value() + 1);
  Life& life = lives_[node.value()];
  CHECK(!life.alive);
  life.alive = true;
  ++life.incarnation;
  Note(MarkKind::kStarted, node, {}, life.incarnation);
  return {static_cast<std::uint32_t>(node.value()), life.incarnation};
}

void World::Kill(NodeId node) {
  if (!Alive(node)) return;
  Life& life = lives_[node.value()];
  life.alive = false;
  Note(MarkKind::kCrashed, node, {}, life.incarnation);
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].used && !Alive(slots_[slot].actor)) {
      Release(slot);
      ++cancelled_;
    }
  }
  DropCancelled();
  ReleaseHeld(lives_[node.value()]);
}

void World::Pause(NodeId node) {
  if (!Alive(node) || Paused(node)) return;
  lives_[node.value()].paused = true;
  Note(MarkKind::kPaused, node);
}

void World::Resume(NodeId node) {
  if (!Paused(node)) return;
  Note(MarkKind::kResumed, node);
  ReleaseHeld(lives_[node.value()]);
}

// The caller takes the item off the heap when this is true.
bool World::Hold(const Item& item) {
  const Slot& slot = slots_[item.slot];
  if (!WaitsForResume(slot.kind) || slot.actor.node >= lives_.size()) return false;
  Life& life = lives_[slot.actor.node];
  if (!life.paused) return false;
  life.held.push_back(item);
  return true;
}

// A clock that was slowed down shows less than its timer waits for: the timer moves. As with Hold, the old item goes.
bool World::TooEarly(const Item& item) {
  const Slot& slot = slots_[item.slot];
  if (slot.clock == nullptr) return false;
  const Instant when = slot.clock->ToWorld(slot.local);
  if (when.micros() <= item.micros) return false;
  Push(when, item.slot);
  return true;
}

void World::ReleaseHeld(Life& life) {
  life.paused = false;
  for (const Item& item : std::exchange(life.held, {})) {
    if (Current(item)) Push(now_, item.slot);
  }
}

// --- Story ---

void World::Note(MarkKind kind, NodeId node, NodeId other, std::uint64_t a, std::uint64_t b) {
  Mix(MixHash(MixHash(static_cast<std::uint64_t>(kind), node.value()), other.value()) ^ MixHash(a, b));
  trace_.Add({now_, event_count_, kind, {}, node, other, a, b, {}});
}

void World::Note(std::string text) {
  trace_.Add({now_, event_count_, MarkKind::kNote, {}, {}, {}, 0, 0, std::move(text)});
}

}  // namespace metasrv::io
