#include <array>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "server/log.h"

namespace metasrv::server {
namespace {

using Json = nlohmann::ordered_json;

// RFC 3339 in local time with microseconds and offset: 2026-08-01T10:20:30.123456+08:00.
std::string Timestamp(std::int64_t seconds, std::int64_t micros) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm local{};
  localtime_r(&time, &local);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &local);
  const long offset = local.tm_gmtoff / 60;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s.%06ld%c%02ld:%02ld", date.data(), static_cast<long>(micros),
                offset < 0 ? '-' : '+', std::labs(offset) / 60, std::labs(offset) % 60);
  return text.data();
}

std::string_view BaseName(std::string_view path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

std::string FormatRecord(std::string_view format, const LogRecord& record) {
  if (format == "identical") return std::string(record.message);
  const std::string time = Timestamp(record.seconds, record.micros);
  if (format == "json") {
    const Json json = {
        {"timestamp", time}, {"level", ToString(record.level)}, {"fields", {{"message", record.message}}}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  std::string level = ToString(record.level);
  level.insert(0, 5 - level.size(), ' ');
  return time + " " + level + " " + std::string(record.source) + ": " + std::string(BaseName(record.file)) + ":" +
         std::to_string(record.line) + " " + std::string(record.message);
}

}  // namespace metasrv::server
