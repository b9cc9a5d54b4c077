#include "server/log_filter.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace metasrv::server {
namespace {

constexpr std::array<const char*, 6> kNames{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

std::optional<LogLevel> ParseLevel(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto* found = std::ranges::find(kNames, upper);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kNames.begin());
}

}  // namespace

const char* ToString(LogLevel level) { return kNames[static_cast<std::size_t>(level)]; }

LogFilter::LogFilter(std::string_view expression) {
  while (!expression.empty()) {
    const std::size_t comma = std::min(expression.find(','), expression.size());
    AddItem(Trim(expression.substr(0, comma)));
    expression.remove_prefix(std::min(comma + 1, expression.size()));
  }
}

void LogFilter::AddItem(std::string_view item) {
  if (item.empty()) return;
  const std::size_t equals = item.find('=');
  const bool has_prefix = equals != std::string_view::npos;
  const auto level = ParseLevel(Trim(has_prefix ? item.substr(equals + 1) : item));
  if (!level) {
    bad_items_.emplace_back(item);
  } else if (has_prefix) {
    prefixes_.emplace_back(Trim(item.substr(0, equals)), *level);
  } else {
    default_ = *level;
  }
}

LogLevel LogFilter::LevelOf(std::string_view source) const {
  LogLevel level = default_;
  std::size_t longest = 0;
  for (const auto& [prefix, prefix_level] : prefixes_) {
    if (!source.starts_with(prefix) || prefix.size() < longest) continue;
    longest = prefix.size();
    level = prefix_level;
  }
  return level;
}

}  // namespace metasrv::server
