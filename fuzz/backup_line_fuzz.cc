// Any bytes as the lines of a backup: reading never crashes, and what it accepts is written in a form that reads as the
// same.
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

void CheckLine(std::string_view text) {
  LineParser parser;
  const auto line = parser.Parse(text);
  if (!line || std::holds_alternative<IgnoredLine>(line->record)) return;
  std::string canonical;
  AppendLine(line->record, &canonical);
  const auto again = parser.Parse(canonical);
  CHECK(again.has_value());
  std::string twice;
  AppendLine(again->record, &twice);
  CHECK_EQ(canonical, twice);
}

}  // namespace
}  // namespace metasrv::backup

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view document(reinterpret_cast<const char*>(data), size);
  while (!document.empty()) {
    const auto end = document.find('\n');
    metasrv::backup::CheckLine(document.substr(0, end));
    if (end == std::string_view::npos) break;
    document.remove_prefix(end + 1);
  }
  return 0;
}
