#pragma once

#include <expected>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>

#include "common/trace.h"
#include "server/config.h"
#include "server/log_filter.h"

namespace metasrv::server {

// Opens the sinks that the configuration asks for; until then, and after CloseLog, records are dropped.
// Errors: the log directory or file cannot be made.
[[nodiscard]] std::expected<void, std::string> OpenLog(const Config& config);

// Opens the log file again (SIGHUP).
void ReopenLog();

// Writes out what is buffered and closes the sinks.
void CloseLog();

// Writes one record of this program. Thread-safe.
void Log(LogLevel level, std::string_view message, std::source_location where = std::source_location::current());

// Whether any sink takes such records of this program. Thread-safe, and costs nothing.
[[nodiscard]] bool LogTakes(LogLevel level);

inline void LogInfo(std::string_view message, std::source_location where = std::source_location::current()) {
  Log(LogLevel::kInfo, message, where);
}
inline void LogWarn(std::string_view message, std::source_location where = std::source_location::current()) {
  Log(LogLevel::kWarn, message, where);
}
inline void LogError(std::string_view message, std::source_location where = std::source_location::current()) {
  Log(LogLevel::kError, message, where);
}

// Writes what happens inside the node to the log, as its consensus engine's records.
[[nodiscard]] std::unique_ptr<TraceSink> MakeLogTraceSink();

// One line of a log without its end (operations.md §5.1). `seconds` and `micros` are wall time.
struct LogRecord {
  LogLevel level{};
  std::string_view source;
  std::string_view message;
  std::string_view file;
  int line = 0;
  std::int64_t seconds = 0;
  std::int64_t micros = 0;
};
[[nodiscard]] std::string FormatRecord(std::string_view format, const LogRecord& record);

}  // namespace metasrv::server
