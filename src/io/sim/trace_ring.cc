#include "io/sim/trace_ring.h"

#include <algorithm>

#include "common/check.h"
#include "common/prng.h"
#include "io/sim/world.h"

namespace metasrv::io {
namespace {

std::string N(NodeId node) { return "n" + std::to_string(node.value()); }

std::string PacketText(const char* verb, const Mark& mark) {
  return N(mark.node) + " " + verb + " " + N(mark.other) + " packet " + std::to_string(mark.a) + ", " +
         std::to_string(mark.b) + " bytes";
}

std::string TraceText(const Mark& mark) {
  std::string text =
      N(mark.node) + " " + metasrv::ToString(mark.trace) + " " + std::to_string(mark.a) + " " + std::to_string(mark.b);
  return mark.text.empty() ? text : text + " " + mark.text;
}

std::string Body(const Mark& mark) {
  switch (mark.kind) {
    case MarkKind::kTrace: return TraceText(mark);
    case MarkKind::kSent: return PacketText("->", mark);
    case MarkKind::kLost: return PacketText("-x", mark);
    case MarkKind::kArrived: return PacketText("<-", mark);
    case MarkKind::kDurable:
      return N(mark.node) + " durable: " + std::to_string(mark.a) + " writes, log ends at " + std::to_string(mark.b);
    case MarkKind::kFlushed:
      return N(mark.node) + (mark.b == 1 ? " installed" : " flushed") + ": state writes to " + std::to_string(mark.a);
    case MarkKind::kStarted: return N(mark.node) + " started, life " + std::to_string(mark.a);
    case MarkKind::kCrashed: return N(mark.node) + " ended, life " + std::to_string(mark.a);
    case MarkKind::kPaused: return N(mark.node) + " paused";
    case MarkKind::kResumed: return N(mark.node) + " resumed";
    case MarkKind::kNote: return mark.text;
  }
  return "?";
}

bool About(const Mark& mark, NodeId node) {
  const bool has_other =
      mark.kind == MarkKind::kSent || mark.kind == MarkKind::kLost || mark.kind == MarkKind::kArrived;
  return mark.kind == MarkKind::kNote || mark.node == node || (has_other && mark.other == node);
}

}  // namespace

std::string ToString(const Mark& mark) {
  return "#" + std::to_string(mark.event) + " " + std::to_string(mark.when.micros()) + "us " + Body(mark);
}

TraceRing::TraceRing(std::size_t capacity) { SetCapacity(capacity); }

void TraceRing::SetCapacity(std::size_t capacity) {
  CHECK_GT(capacity, 0U);
  capacity_ = capacity;
  marks_.clear();
  total_ = 0;
}

void TraceRing::Add(Mark mark) {
  if (marks_.size() < capacity_) {
    marks_.push_back(std::move(mark));
  } else {
    marks_[total_ % capacity_] = std::move(mark);
  }
  ++total_;
}

std::vector<std::string> TraceRing::Tail(std::size_t count) const {
  return Collect(count, [](const Mark&) { return true; });
}

std::vector<std::string> TraceRing::Tail(std::size_t count, NodeId about) const {
  return Collect(count, [about](const Mark& mark) { return About(mark, about); });
}

std::vector<std::string> TraceRing::Collect(std::size_t count, const std::function<bool(const Mark&)>& wanted) const {
  std::vector<std::string> lines;
  for (std::size_t back = 0; back < marks_.size() && lines.size() < count; ++back) {
    const Mark& mark = marks_[(total_ - 1 - back) % capacity_];
    if (wanted(mark)) lines.push_back(ToString(mark));
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

void SimTrace::Emit(NodeId node, const TraceEvent& event) {
  world_.Mix(MixHash(MixHash(static_cast<std::uint64_t>(event.kind), node.value()), MixHash(event.a, event.b)));
  world_.trace().Add(
      {world_.now(), world_.event_count(), MarkKind::kTrace, event.kind, node, {}, event.a, event.b, event.text});
  if (observer_) observer_(node, event);
}

}  // namespace metasrv::io
