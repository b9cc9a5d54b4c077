#include "fuzz/line_mutator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>
#include <vector>

#include "common/prng.h"
#include "fuzz/json_spans.h"
#include "fuzz/words.h"

namespace metasrv::fuzz {
namespace {

using Lines = std::vector<std::string>;

Lines Split(std::string_view document) {
  Lines lines;
  while (!document.empty()) {
    const std::size_t end = std::min(document.find('\n'), document.size());
    lines.emplace_back(document.substr(0, end));
    document.remove_prefix(std::min(end + 1, document.size()));
  }
  return lines;
}

std::string Join(const Lines& lines) {
  std::string document;
  for (const std::string& line : lines) document += line + "\n";
  return document;
}

std::string_view OneOf(Prng& prng, const auto& texts) { return texts[prng.Below(std::size(texts))]; }

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool IsString(std::string_view value) { return value.starts_with('"'); }
bool IsNumber(std::string_view value) {
  return !value.empty() && (value[0] == '-' || (value[0] >= '0' && value[0] <= '9'));
}

// --- Changes of one line

// `text` with `span` replaced.
std::string Replaced(std::string_view text, Span span, std::string_view by) {
  return std::string(text.substr(0, span.begin)) + std::string(by) + std::string(text.substr(span.end));
}

// Indexes, terms and seqs are judged by their neighbours.
std::string Neighbour(Prng& prng, std::string_view value) {
  std::uint64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  const std::uint64_t step = 1 + prng.Below(3);
  return std::to_string(prng.Below(2) == 0 ? number + step : number - step);
}

// Something else of the same type, if the type has a choice.
std::string Edge(Prng& prng, std::string_view value) {
  if (IsNumber(value)) return prng.Below(2) == 0 ? Neighbour(prng, value) : std::string(OneOf(prng, kNumbers));
  if (IsString(value)) return Quoted(OneOf(prng, kNames));
  return std::string(OneOf(prng, kValues));
}

// Most depths around the limits of the readers (export-format.md §1.2), some in the way that predicates nest.
std::string Nested(Prng& prng, std::string_view value) {
  constexpr auto kDepths = std::to_array<int>({1, 2, 3, 40, 62, 63, 64, 98, 100, 118, 122, 125, 126, 127, 128, 400});
  constexpr auto kShells = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{"[", "]"},
       {"{\"x\":", "}"},
       {"{\"And\":[", "]}"},
       {"{\"operator\":0,\"conditions\":[],\"sub_expressions\":[", "]}"}});
  const auto& [open, close] = kShells[prng.Below(kShells.size())];
  std::string nested(value);
  for (int depth = kDepths[prng.Below(kDepths.size())]; depth > 0; --depth) {
    nested = std::string(open) + nested + std::string(close);
  }
  return nested;
}

std::string WithText(Prng& prng, std::string_view value) {
  if (!IsString(value) || value.size() < 2) return std::string(OneOf(prng, kValues));
  std::string text(value);
  return text.insert(1 + prng.Below(text.size() - 1), OneOf(prng, kTexts));
}

// The value with the separator behind it and, if it is a name, with its value.
Span WithItsRest(std::string_view text, const std::vector<Span>& values, std::size_t which) {
  Span span = values[which];
  const bool is_name = span.end < text.size() && text[span.end] == ':';
  if (is_name && which + 1 < values.size()) span.end = values[which + 1].end;
  if (span.end < text.size() && text[span.end] == ',') ++span.end;
  return span;
}

std::string ChangeLine(Prng& prng, std::string_view line, std::string_view document) {
  const std::vector<Span> values = ValuesOf(line);
  if (values.empty()) return std::string(OneOf(prng, kValues));
  const std::size_t which = prng.Below(values.size());
  const std::string_view value = line.substr(values[which].begin, values[which].size());
  switch (prng.Below(8)) {
    case 0: return Replaced(line, values[which], OneOf(prng, kValues));
    case 1: return Replaced(line, values[which], Nested(prng, value));
    case 2: return Replaced(line, values[which], WithText(prng, value));
    case 3: return Replaced(line, WithItsRest(line, values, which), "");
    case 4: {
      const Span span = WithItsRest(line, values, which);
      std::string twice(line);
      const std::string copy = twice.substr(span.begin, span.size());
      return twice.insert(span.begin, copy.ends_with(',') ? copy : copy + ",");
    }
    case 5: {
      const std::vector<Span> others = ValuesOf(document);
      const Span other = others[prng.Below(others.size())];
      return Replaced(line, values[which], document.substr(other.begin, other.size()));
    }
    default: return Replaced(line, values[which], Edge(prng, value));
  }
}

// --- Changes of the order

void ChangeOrder(Prng& prng, Lines& lines) {
  const auto at = [&] { return lines.begin() + static_cast<std::ptrdiff_t>(prng.Below(lines.size())); };
  switch (prng.Below(5)) {
    case 0: lines.erase(at()); break;
    case 1: {
      const std::string copy = *at();
      lines.insert(at(), copy);
      break;
    }
    case 2: std::iter_swap(at(), at()); break;
    case 3: std::rotate(lines.begin(), at(), lines.end()); break;
    default: {
      auto from = at();
      auto to = at();
      if (to < from) std::swap(from, to);
      std::reverse(from, to);
      break;
    }
  }
}

}  // namespace

std::string MutateLines(std::string_view document, std::uint64_t seed) {
  Prng prng(seed);
  Lines lines = Split(document);
  if (lines.empty()) return "[" + Quoted(OneOf(prng, kNames)) + "," + std::string(OneOf(prng, kValues)) + "]\n";
  if (lines.size() > 1 && prng.Below(4) == 0) {
    ChangeOrder(prng, lines);
  } else {
    std::string& line = lines[prng.Below(lines.size())];
    line = ChangeLine(prng, line, document);
  }
  return Join(lines);
}

std::string CrossLines(std::string_view left, std::string_view right, std::uint64_t seed) {
  Prng prng(seed);
  Lines lines = Split(left);
  for (std::string& line : Split(right)) {
    if (prng.Below(2) == 0) continue;
    const std::size_t at = prng.Below(2) == 0 ? lines.size() : prng.Below(lines.size() + 1);
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), std::move(line));
  }
  return Join(lines);
}

}  // namespace metasrv::fuzz
