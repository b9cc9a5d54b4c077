// Any bytes as lines of a backup: a line is refused with a reason and a place inside it, or it means what another JSON
// library reads in it, and is written in a form that reads as the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "backup/encode.h"
#include "backup/parse.h"
#include "common/check.h"
#include "fuzz/words.h"

namespace metasrv::backup {
namespace {

using Json = nlohmann::json;

bool IsBytes(const Json& value) {
  return value.is_array() && std::ranges::all_of(value, [](const Json& item) { return item.is_number(); });
}

// Names, plain values and whole lists of numbers, as text.
void Collect(const Json& value, std::set<std::string>& found) {
  if (IsBytes(value) || !value.is_structured()) found.insert(value.dump());
  if (!value.is_structured()) return;
  for (const auto& item : value.items()) {
    if (value.is_object()) found.insert(Json(item.key()).dump());
    Collect(item.value(), found);
  }
}

// What a canonical text may hold that the given one does not.
std::set<std::string> WordsOfTheFormat() {
  std::set<std::string> words{"null", "true", "false", "1"};
  for (const std::string_view name : fuzz::kNames) words.insert(Json(name).dump());
  return words;
}

// What another JSON library finds in the canonical text must be in the given one, or be a word or a default of the
// format.
void CheckNothingInvented(const Json& canonical, const std::set<std::string>& given) {
  static const std::set<std::string> words = WordsOfTheFormat();
  const auto known = [&](const std::string& text) { return given.contains(text) || words.contains(text); };
  if (!canonical.is_structured()) return CHECK(known(canonical.dump()));
  for (const auto& item : canonical.items()) {
    if (canonical.is_object()) CHECK(known(Json(item.key()).dump()));
    const bool is_bytes = canonical.is_object() && item.key() != "configs" && IsBytes(item.value());
    if (is_bytes && !item.value().empty()) CHECK(given.contains(item.value().dump()));
    CheckNothingInvented(item.value(), given);
  }
}

void CheckAgainstAnotherReader(std::string_view text, std::string_view canonical) {
  const Json given = Json::parse(text, nullptr, false);
  CHECK(!given.is_discarded());
  std::set<std::string> found;
  Collect(given, found);
  CheckNothingInvented(Json::parse(canonical), found);
}

void CheckLine(LineParser& parser, std::string_view text) {
  const auto line = parser.Parse(text);
  if (!line) {
    CHECK(!line.error().reason.empty());
    CHECK_GE(line.error().column, 1u);
    CHECK_LE(line.error().column, text.size() + 1);
    return;
  }
  if (std::holds_alternative<IgnoredLine>(line->record)) return;
  std::string canonical;
  AppendLine(line->record, &canonical);
  CheckAgainstAnotherReader(text, canonical);
  const auto again = parser.Parse(canonical);
  CHECK(again.has_value());
  CHECK(again->part == line->part);
  std::string twice;
  AppendLine(again->record, &twice);
  CHECK_EQ(canonical, twice);
}

}  // namespace
}  // namespace metasrv::backup

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  metasrv::backup::LineParser parser;
  std::string_view document(reinterpret_cast<const char*>(data), size);
  while (!document.empty()) {
    const auto end = document.find('\n');
    metasrv::backup::CheckLine(parser, document.substr(0, end));
    if (end == std::string_view::npos) break;
    document.remove_prefix(end + 1);
  }
  return 0;
}
