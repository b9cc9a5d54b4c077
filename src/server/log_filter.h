#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metasrv::server {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };

// "INFO", "WARN" ... as log lines show them.
[[nodiscard]] const char* ToString(LogLevel level);

// Which records a sink takes: the expression of config-and-cli.md §2.2.1, such as `Warn,databend_=Info,openraft=Info`.
class LogFilter {
 public:
  // Items that cannot be read are left out and listed in bad_items(), so that a slip never silences the log.
  explicit LogFilter(std::string_view expression);

  // The least severe level that records of `source` are taken at: that of the longest prefix that fits.
  [[nodiscard]] LogLevel LevelOf(std::string_view source) const;
  [[nodiscard]] bool Takes(std::string_view source, LogLevel level) const { return level >= LevelOf(source); }
  [[nodiscard]] const std::vector<std::string>& bad_items() const { return bad_items_; }

 private:
  void AddItem(std::string_view item);

  LogLevel default_ = LogLevel::kInfo;
  std::vector<std::pair<std::string, LogLevel>> prefixes_;
  std::vector<std::string> bad_items_;
};

}  // namespace metasrv::server
