#include "io/sim/draws.h"

#include <algorithm>
#include <charconv>

#include "common/check.h"
#include "common/prng.h"

namespace metasrv::io {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;

std::uint64_t Scale(std::uint64_t raw, std::uint64_t bound) {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(raw) * bound) >> 64);
}

// Takes the text up to the next space off the front of `line`.
std::string_view TakeWord(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

bool ParseNumber(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseDecision(std::string_view line, Decision& decision) {
  decision.kind = TakeWord(line);
  return !decision.kind.empty() && ParseNumber(TakeWord(line), decision.actor) &&
         ParseNumber(TakeWord(line), decision.counter) && ParseNumber(TakeWord(line), decision.value) && line.empty();
}

}  // namespace

std::string FormatSchedule(std::span<const Decision> decisions) {
  std::string text;
  for (const Decision& decision : decisions) {
    text += decision.kind + " " + std::to_string(decision.actor) + " " + std::to_string(decision.counter) + " " +
            std::to_string(decision.value) + "\n";
  }
  return text;
}

std::expected<std::vector<Decision>, std::string> ParseSchedule(std::string_view text) {
  std::vector<Decision> decisions;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    Decision decision;
    if (!ParseDecision(line, decision)) {
      return std::unexpected("line " + std::to_string(number) + ": " + std::string(line));
    }
    decisions.push_back(std::move(decision));
  }
  return decisions;
}

std::uint64_t Draws::NextCounter(const DrawKind& kind, DrawActor actor) { return counters_[MixHash(kind.id, actor)]++; }

std::uint64_t Draws::HashOf(const DrawKind& kind, DrawActor actor, std::uint64_t counter) const {
  return MixHash(MixHash(MixHash(seed_, kind.id), actor), counter);
}

const std::uint64_t* Draws::OverrideOf(const DrawKind& kind, DrawActor actor, std::uint64_t counter) const {
  if (overrides_.empty()) return nullptr;
  const auto found = overrides_.find(Name(kind.id, actor, counter));
  return found == overrides_.end() ? nullptr : &found->second;
}

std::uint64_t Draws::Keep(const DrawKind& kind, DrawActor actor, std::uint64_t counter, std::uint64_t value) {
  if (recording_) recorded_.push_back({kind.name, actor, counter, value});
  return value;
}

std::uint64_t Draws::RawAt(const DrawKind& kind, DrawActor actor, std::uint64_t counter) {
  const std::uint64_t* fixed = OverrideOf(kind, actor, counter);
  return Keep(kind, actor, counter, fixed != nullptr ? *fixed : HashOf(kind, actor, counter));
}

bool Draws::ChanceAt(const DrawKind& kind, DrawActor actor, std::uint64_t counter, std::uint32_t ppm) {
  if (const std::uint64_t* fixed = OverrideOf(kind, actor, counter)) {
    return Keep(kind, actor, counter, *fixed != 0 ? 1 : 0) != 0;
  }
  if (ppm == 0) return false;
  return Keep(kind, actor, counter, Scale(HashOf(kind, actor, counter), kMillion) < ppm ? 1 : 0) != 0;
}

std::uint64_t Draws::BetweenAt(const DrawKind& kind, DrawActor actor, std::uint64_t counter, std::uint64_t low,
                               std::uint64_t high) {
  CHECK_LE(low, high);
  if (const std::uint64_t* fixed = OverrideOf(kind, actor, counter)) {
    return Keep(kind, actor, counter, std::clamp(*fixed, low, high));
  }
  const std::uint64_t width = high - low + 1;  // 0: the whole range of 64 bits
  const std::uint64_t raw = HashOf(kind, actor, counter);
  return Keep(kind, actor, counter, width == 0 ? raw : low + Scale(raw, width));
}

Duration Draws::BetweenAt(const DrawKind& kind, DrawActor actor, std::uint64_t counter, Duration low, Duration high) {
  CHECK_GE(low.micros(), 0);
  const std::uint64_t micros = BetweenAt(kind, actor, counter, static_cast<std::uint64_t>(low.micros()),
                                         static_cast<std::uint64_t>(high.micros()));
  return Duration::Micros(static_cast<std::int64_t>(micros));
}

void Draws::Override(std::span<const Decision> decisions) {
  for (const Decision& decision : decisions) {
    overrides_[Name(DrawKind::IdOf(decision.kind), decision.actor, decision.counter)] = decision.value;
  }
}

std::vector<Decision> Draws::Recorded() const {
  std::vector<Decision> decisions;
  decisions.reserve(recorded_.size());
  for (const Record& record : recorded_) {
    decisions.push_back({std::string(record.kind), record.actor, record.counter, record.value});
  }
  return decisions;
}

}  // namespace metasrv::io
