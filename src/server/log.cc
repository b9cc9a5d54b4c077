#include "server/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <iostream>
#include <mutex>

#include "server/log_file.h"

namespace metasrv::server {
namespace {

// Names that the default filter expects: ours, and the consensus engine's.
constexpr const char* kOwnSource = "databend_meta";
constexpr const char* kEngineSource = "openraft";

spdlog::level::level_enum ToSpdlog(LogLevel level) { return static_cast<spdlog::level::level_enum>(level); }

LogLevel FromSpdlog(spdlog::level::level_enum level) {
  // The numbers agree up to error; spdlog's critical is not used.
  return static_cast<LogLevel>(level);
}

class FilteredSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  FilteredSink(const std::string& filter, std::string format) : filter_(filter), format_(std::move(format)) {}

 protected:
  virtual void WriteLine(const std::string& line, std::time_t now) = 0;

  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view source(message.logger_name.data(), message.logger_name.size());
    const LogLevel level = FromSpdlog(message.level);
    if (!filter_.Takes(source, level)) return;
    const auto since_epoch = message.time.time_since_epoch();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
    const char* file = message.source.filename == nullptr ? "" : message.source.filename;
    const std::string_view text(message.payload.data(), message.payload.size());
    WriteLine(
        FormatRecord(format_, {level, source, text, file, message.source.line, micros / 1000000, micros % 1000000}),
        static_cast<std::time_t>(micros / 1000000));
  }

 private:
  LogFilter filter_;
  std::string format_;
};

class FileSink final : public FilteredSink {
 public:
  FileSink(const LogFileConfig& config, std::unique_ptr<LogFile> file)
      : FilteredSink(config.level, config.format), file_(std::move(file)) {}

  void Reopen() {
    const std::lock_guard lock(mutex_);
    file_->Reopen(std::time(nullptr));
  }

 protected:
  void WriteLine(const std::string& line, std::time_t now) override { file_->Write(line, now); }
  void flush_() override { file_->Flush(); }

 private:
  std::unique_ptr<LogFile> file_;
};

class StderrSink final : public FilteredSink {
 public:
  explicit StderrSink(const LogStderrConfig& config) : FilteredSink(config.level, config.format) {}

 protected:
  void WriteLine(const std::string& line, std::time_t) override { std::cerr << line + "\n"; }
  void flush_() override { std::cerr.flush(); }
};

struct Loggers {
  std::shared_ptr<FileSink> file;
  std::unique_ptr<spdlog::logger> own;
  std::unique_ptr<spdlog::logger> engine;
};

// Replaced as a whole; a record that is being written keeps the old one alive.
std::atomic<std::shared_ptr<Loggers>> loggers;
// The least severe level that one of them takes from this program.
std::atomic<LogLevel> taken{LogLevel::kOff};

std::unique_ptr<spdlog::logger> MakeLogger(const char* name, const std::vector<spdlog::sink_ptr>& sinks) {
  auto logger = std::make_unique<spdlog::logger>(name, sinks.begin(), sinks.end());
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::info);
  return logger;
}

void WarnOfBadItems(const char* key, const std::string& expression) {
  const LogFilter filter(expression);
  for (const std::string& item : filter.bad_items()) {
    LogWarn("`" + item + "` in `" + key + "` is not a log filter and was ignored");
  }
}

class LogTraceSink final : public TraceSink {
 public:
  void Emit(NodeId node, const TraceEvent& event) override {
    const auto current = loggers.load();
    if (current == nullptr) return;
    std::string text = "id=" + std::to_string(node.value()) + " ";
    if (event.kind == TraceKind::kInfo || event.kind == TraceKind::kWarning) {
      text += event.text;
    } else if (event.kind == TraceKind::kSnapshotSendStarted) {  // in the words that runbooks look for
      text += "start to transmit snapshot via v004: target=" + std::to_string(event.a) +
              ", last_index=" + std::to_string(event.b);
    } else {
      text += ToString(event.kind);
      text += " " + std::to_string(event.a) + " " + std::to_string(event.b);
      if (!event.text.empty()) text += ": " + event.text;
    }
    current->engine->log(ToSpdlog(LevelOf(event.kind)), text);
  }

 private:
  static LogLevel LevelOf(TraceKind kind) {
    switch (kind) {
      case TraceKind::kWarning: return LogLevel::kWarn;
      case TraceKind::kCommitted:
      case TraceKind::kApplied:
      case TraceKind::kWriteHeld:
      case TraceKind::kLeaseRead:
      case TraceKind::kLeaseMissed:
      case TraceKind::kVoteGranted: return LogLevel::kTrace;
      default: return LogLevel::kInfo;
    }
  }
};

}  // namespace

std::expected<void, std::string> OpenLog(const Config& config) {
  auto opened = std::make_shared<Loggers>();
  std::vector<spdlog::sink_ptr> sinks;
  if (config.log_file.on) {
    const std::string name = "databend-meta-" + std::to_string(config.raft.id) + "@" + config.raft.cluster_name;
    auto file =
        LogFile::Open({config.log_file.dir, name, config.log_file.max_size, config.log_file.limit}, std::time(nullptr));
    if (!file) return std::unexpected(file.error());
    opened->file = std::make_shared<FileSink>(config.log_file, std::move(*file));
    sinks.push_back(opened->file);
  }
  if (config.log_stderr.on) sinks.push_back(std::make_shared<StderrSink>(config.log_stderr));
  opened->own = MakeLogger(kOwnSource, sinks);
  opened->engine = MakeLogger(kEngineSource, sinks);
  LogLevel least = LogLevel::kOff;
  if (config.log_file.on) least = std::min(least, LogFilter(config.log_file.level).LevelOf(kOwnSource));
  if (config.log_stderr.on) least = std::min(least, LogFilter(config.log_stderr.level).LevelOf(kOwnSource));
  taken = least;
  loggers.store(std::move(opened));
  WarnOfBadItems("log.file.level", config.log_file.level);
  WarnOfBadItems("log.stderr.level", config.log_stderr.level);
  return {};
}

void ReopenLog() {
  if (const auto current = loggers.load(); current != nullptr && current->file != nullptr) current->file->Reopen();
}

void CloseLog() {
  taken = LogLevel::kOff;
  if (const auto current = loggers.exchange(nullptr); current != nullptr) {
    current->own->flush();
    current->engine->flush();
  }
}

bool LogTakes(LogLevel level) { return level >= taken.load(std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view message, std::source_location where) {
  const auto current = loggers.load();
  if (current == nullptr) return;
  const spdlog::source_loc location(where.file_name(), static_cast<int>(where.line()), where.function_name());
  current->own->log(location, ToSpdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

std::unique_ptr<TraceSink> MakeLogTraceSink() { return std::make_unique<LogTraceSink>(); }

}  // namespace metasrv::server
