#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/time.h"
#include "common/trace.h"

namespace metasrv::io {

enum class MarkKind : std::uint8_t {
  kTrace,    // a TraceEvent of a node
  kSent,     // other = receiver, a = packet, b = bytes
  kLost,     // as kSent: dropped by a cut, a loss or an unknown address
  kArrived,  // node = receiver, other = sender, a = packet, b = bytes
  kDurable,  // a = operations that became durable, b = end of the durable log
  kFlushed,  // a = number of the last durable state write, b = 1 for an install
  kStarted,  // a = incarnation
  kCrashed,  // a = incarnation
  kPaused,
  kResumed,
  kNote,  // text only, by the harness
};

// One line of the story, as values; text is made only when somebody reads it.
struct Mark {
  Instant when;
  std::uint64_t event = 0;  // number of the event it happened in
  MarkKind kind{};
  TraceKind trace{};  // kTrace only
  NodeId node;
  NodeId other;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::string text;
};

[[nodiscard]] std::string ToString(const Mark& mark);

// Keeps the last marks of a run for the report of a failure.
class TraceRing {
 public:
  static constexpr std::size_t kDefaultCapacity = 4096;

  explicit TraceRing(std::size_t capacity = kDefaultCapacity);

  void Add(Mark mark);
  // Forgets everything kept so far. Requires: capacity > 0.
  void SetCapacity(std::size_t capacity);
  // The last `count` marks, oldest first, one line each; `about` keeps those of one node only.
  [[nodiscard]] std::vector<std::string> Tail(std::size_t count) const;
  [[nodiscard]] std::vector<std::string> Tail(std::size_t count, NodeId about) const;
  // Marks ever added.
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  [[nodiscard]] std::vector<std::string> Collect(std::size_t count,
                                                 const std::function<bool(const Mark&)>& wanted) const;

  std::size_t capacity_ = 0;
  std::vector<Mark> marks_;  // a ring once it is full
  std::uint64_t total_ = 0;
};

class World;

// The TraceSink of all nodes of a world: digests each event without its text, keeps it in the world's ring, and tells
// the observer, so that faults and checks can follow what the protocol does.
class SimTrace : public TraceSink {
 public:
  // The observer runs inside the node's step: it must not call into the node nor kill it, but may schedule events.
  using Observer = std::function<void(NodeId node, const TraceEvent& event)>;

  explicit SimTrace(World& world) : world_(world) {}

  void Emit(NodeId node, const TraceEvent& event) override;
  void SetObserver(Observer observer) { observer_ = std::move(observer); }

 private:
  World& world_;
  Observer observer_;
};

}  // namespace metasrv::io
