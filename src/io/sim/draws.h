#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "common/ids.h"
#include "common/time.h"

namespace metasrv::io {

// Names one sort of decision, such as "net.loss". The id is a hash of the name and the same on every compiler.
struct DrawKind {
  std::string_view name;
  std::uint64_t id;

  // Requires: `text` outlives every use (a literal).
  constexpr explicit DrawKind(std::string_view text) : name(text), id(IdOf(text)) {}

  [[nodiscard]] static constexpr std::uint64_t IdOf(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash;
  }
};

// Who a decision is about: a node, a directed link, or anything the harness numbers. Part of the decision's name.
using DrawActor = std::uint64_t;
[[nodiscard]] constexpr DrawActor ActorOf(NodeId node) { return node.value(); }
[[nodiscard]] constexpr DrawActor ActorOf(NodeId from, NodeId to) { return (from.value() << 32) | (to.value() + 1); }

// One named decision and its outcome: 0 or 1 for a chance, the number for a range, 64 bits for a raw draw.
struct Decision {
  std::string kind;
  DrawActor actor = 0;
  std::uint64_t counter = 0;
  std::uint64_t value = 0;

  friend bool operator==(const Decision&, const Decision&) = default;
};

// "kind actor counter value", one decision per line.
[[nodiscard]] std::string FormatSchedule(std::span<const Decision> decisions);
// Errors: the number and text of the first line that is not a decision. Empty lines and lines that start with '#' are
// skipped.
[[nodiscard]] std::expected<std::vector<Decision>, std::string> ParseSchedule(std::string_view text);

// Randomness by name, not by stream: the outcome of a decision is hash(seed, kind, actor, counter) and nothing else, so
// that removing one fault changes only its consequences. Outcomes can be overridden by name and recorded.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : seed_(seed) {}

  // 64 bits. Without a counter, the next one of (kind, actor) is used; counters start at 0.
  std::uint64_t Raw(const DrawKind& kind, DrawActor actor) { return RawAt(kind, actor, NextCounter(kind, actor)); }
  std::uint64_t RawAt(const DrawKind& kind, DrawActor actor, std::uint64_t counter);

  // True with probability ppm / 1'000'000. A rate of 0 is false and is not recorded, but still uses a counter.
  bool Chance(const DrawKind& kind, DrawActor actor, std::uint32_t ppm) {
    return ChanceAt(kind, actor, NextCounter(kind, actor), ppm);
  }
  bool ChanceAt(const DrawKind& kind, DrawActor actor, std::uint64_t counter, std::uint32_t ppm);

  // Uniform in [low, high]. An override outside is moved to the nearest bound. Requires: low <= high.
  std::uint64_t Between(const DrawKind& kind, DrawActor actor, std::uint64_t low, std::uint64_t high) {
    return BetweenAt(kind, actor, NextCounter(kind, actor), low, high);
  }
  std::uint64_t BetweenAt(const DrawKind& kind, DrawActor actor, std::uint64_t counter, std::uint64_t low,
                          std::uint64_t high);
  Duration BetweenAt(const DrawKind& kind, DrawActor actor, std::uint64_t counter, Duration low, Duration high);

  // Fixes the outcomes of these decisions; earlier overrides stay unless named again.
  void Override(std::span<const Decision> decisions);

  // From now on every decision is kept, in the order made. Costs memory.
  void StartRecording() { recording_ = true; }
  [[nodiscard]] std::vector<Decision> Recorded() const;

  [[nodiscard]] std::uint64_t seed() const { return seed_; }

 private:
  using Name = std::tuple<std::uint64_t, DrawActor, std::uint64_t>;
  struct Record {
    std::string_view kind;
    DrawActor actor;
    std::uint64_t counter;
    std::uint64_t value;
  };

  std::uint64_t NextCounter(const DrawKind& kind, DrawActor actor);
  std::uint64_t HashOf(const DrawKind& kind, DrawActor actor, std::uint64_t counter) const;
  const std::uint64_t* OverrideOf(const DrawKind& kind, DrawActor actor, std::uint64_t counter) const;
  std::uint64_t Keep(const DrawKind& kind, DrawActor actor, std::uint64_t counter, std::uint64_t value);

  std::uint64_t seed_;
  bool recording_ = false;
  std::unordered_map<std::uint64_t, std::uint64_t> counters_;  // by hash of (kind, actor); looked up, never walked
  std::map<Name, std::uint64_t> overrides_;
  std::vector<Record> recorded_;
};

}  // namespace metasrv::io
