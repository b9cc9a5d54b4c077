#include "fuzz/json_spans.h"

namespace metasrv::fuzz {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsSeparator(char c) { return c == ',' || c == ':'; }
bool Opens(char c) { return c == '[' || c == '{'; }
bool Closes(char c) { return c == ']' || c == '}'; }

// Behind the string that begins at `at`.
std::size_t EndOfString(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return text.size();
}

// Behind the number or word that begins at `at`.
std::size_t EndOfWord(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const char c = text[at];
    if (IsBlank(c) || IsSeparator(c) || Opens(c) || Closes(c) || c == '"') break;
    ++at;
  }
  return at;
}

}  // namespace

std::vector<Span> ValuesOf(std::string_view text) {
  std::vector<Span> values;
  std::vector<std::size_t> open;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (IsBlank(c) || IsSeparator(c)) {
      ++at;
    } else if (Opens(c)) {
      open.push_back(values.size());
      values.push_back({at, text.size()});
      ++at;
    } else if (Closes(c)) {
      ++at;
      if (open.empty()) continue;
      values[open.back()].end = at;
      open.pop_back();
    } else {
      values.push_back({at, c == '"' ? EndOfString(text, at) : EndOfWord(text, at)});
      at = values.back().end;
    }
  }
  return values;
}

}  // namespace metasrv::fuzz
