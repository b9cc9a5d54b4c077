#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/ids.h"
#include "common/prng.h"
#include "common/time.h"
#include "io/event_loop.h"
#include "io/sim/draws.h"
#include "io/sim/trace_ring.h"

namespace metasrv::io {

class SimClock;

// Who an event belongs to. Events of a dead incarnation never run.
struct Actor {
  static constexpr std::uint32_t kHarnessNode = 0xffffffff;

  std::uint32_t node = kHarnessNode;
  std::uint32_t incarnation = 0;  // 0: no matter which one lives, if any (messages on the wire, the disk itself)

  [[nodiscard]] static constexpr Actor Harness() { return {}; }
  [[nodiscard]] static constexpr Actor AnyLife(NodeId id) { return {static_cast<std::uint32_t>(id.value()), 0}; }
  friend constexpr bool operator==(Actor, Actor) = default;
};

enum class EventKind : std::uint8_t { kHarness, kTask, kTimer, kArrival, kCallTimeout, kDisk };
[[nodiscard]] const char* ToString(EventKind kind);

// Names an event that has not run yet; 0 is never used.
using EventId = std::uint64_t;

// The fake world: virtual time, one heap of events ordered by (time, sequence), named randomness and a digest of
// everything that happened. One thread. Has no opinions: it neither chooses faults nor judges what it sees.
//
// Node ids must be below kNodeLimit. Everything built on a world must be destroyed before it.
class World {
 public:
  static constexpr std::uint64_t kNodeLimit = 4096;

  explicit World(std::uint64_t seed);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Virtual time since the world began. Nodes never see it; they see their SimClock.
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Draws& draws() { return draws_; }
  [[nodiscard]] TraceRing& trace() { return trace_; }

  // --- Events ---
  // Runs `run` at `when` (at once, after what is already due, when that has passed). Events of one time run in the
  // order they were made. `payload` goes into the digest.
  EventId At(Instant when, Actor actor, EventKind kind, std::uint64_t payload, Task run);
  // For the harness: nemesis, workload, checks over time.
  EventId At(Instant when, Task run) { return At(when, Actor::Harness(), EventKind::kHarness, 0, std::move(run)); }
  EventId After(Duration delay, Task run) { return At(now_ + delay, std::move(run)); }
  // A timer of a node: runs once `clock` shows `local`, also when the clock's speed changes meanwhile.
  EventId AtLocal(const SimClock& clock, Instant local, Actor actor, Task run);
  // Forgets an event; unknown ids and events that ran are ignored.
  void Cancel(EventId id);

  // Runs exactly one event; false when there is none.
  bool StepOne();
  // Runs every event due at or before `end`, then moves the time there.
  void RunUntil(Instant end);
  void RunFor(Duration span) { RunUntil(now_ + span); }
  // Time of the next event; Never when there is none.
  [[nodiscard]] Instant NextEventTime();

  // --- Lives of nodes ---
  // Begins the next incarnation of a node and returns its actor. Requires: the node is not alive.
  Actor StartLife(NodeId node);
  // Ends the present incarnation: its events are dropped, those that still come are never run. Resumes a paused node.
  void Kill(NodeId node);
  // The process stands still: its tasks, timers and arrivals wait until Resume; its disk goes on.
  void Pause(NodeId node);
  void Resume(NodeId node);
  [[nodiscard]] bool Alive(NodeId node) const { return LifeOf(node).alive; }
  [[nodiscard]] bool Alive(Actor actor) const;
  [[nodiscard]] bool Paused(NodeId node) const { return LifeOf(node).paused; }
  // Counts from 1; 0: never started.
  [[nodiscard]] std::uint32_t Incarnation(NodeId node) const { return LifeOf(node).incarnation; }

  // --- Proof of determinism ---
  // Rolling hash over every event so far: time, kind, actor, payload, and everything given to Mix.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  [[nodiscard]] std::uint64_t event_count() const { return event_count_; }
  // The digest after each kCheckpointEvents events, to find the first difference of two runs.
  static constexpr std::uint64_t kCheckpointEvents = 4096;
  [[nodiscard]] const std::vector<std::uint64_t>& checkpoints() const { return checkpoints_; }
  // Adds something that happened to the digest.
  void Mix(std::uint64_t value) { digest_ = MixHash(digest_, value); }

  // --- Story ---
  // Keeps a mark of the present moment in the trace ring and adds it, without its text, to the digest.
  void Note(MarkKind kind, NodeId node, NodeId other = {}, std::uint64_t a = 0, std::uint64_t b = 0);
  // A line of the harness for people; not digested.
  void Note(std::string text);

 private:
  struct Item {  // what the heap orders
    std::int64_t micros;
    std::uint64_t sequence;
    std::uint32_t slot;
    std::uint32_t generation;
  };
  struct Later {  // puts the earliest item at the heap's front
    bool operator()(const Item& a, const Item& b) const {
      return a.micros != b.micros ? a.micros > b.micros : a.sequence > b.sequence;
    }
  };
  struct Slot {
    Task run;
    std::uint64_t payload = 0;
    const SimClock* clock = nullptr;  // timers: the clock and what it must show
    Instant local;
    Actor actor;
    EventKind kind{};
    bool used = false;
    std::uint32_t generation = 0;
  };
  struct Life {
    std::uint32_t incarnation = 0;
    bool alive = false;
    bool paused = false;
    std::vector<Item> held;  // due while paused
  };

  [[nodiscard]] const Life& LifeOf(NodeId node) const;
  [[nodiscard]] bool Current(const Item& item) const;
  EventId Add(Instant when, Slot slot);
  void Push(Instant when, std::uint32_t slot);
  void Release(std::uint32_t slot);
  void DropCancelled();
  void PruneTop();
  bool Hold(const Item& item);
  void ReleaseHeld(Life& life);
  bool TooEarly(const Item& item);
  void Fire(const Item& item);

  Instant now_;
  Draws draws_;
  TraceRing trace_;
  std::uint64_t sequence_ = 0;
  std::uint64_t digest_;
  std::uint64_t event_count_ = 0;
  std::size_t cancelled_ = 0;  // items in the heap whose event is gone
  std::vector<Item> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Life> lives_;
  std::vector<std::uint64_t> checkpoints_;
};

}  // namespace metasrv::io
