// Any bytes as lines of a backup: a line is refused with a reason and a place inside it, or it means something and is
// written in a form that reads as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "backup/encode.h"
#include "backup/parse.h"
#include "common/check.h"

namespace metasrv::backup {
namespace {

void CheckLine(LineParser& parser, std::string_view text) {
  const auto line = parser.Parse(text);
  if (!line) {
    CHECK(!line.error().reason.empty());
    if (line.error().column) CHECK_LE(*line.error().column, text.size() + 1);
    return;
  }
  if (std::holds_alternative<IgnoredLine>(line->record)) return;
  std::string canonical;
  AppendLine(line->record, &canonical);
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
