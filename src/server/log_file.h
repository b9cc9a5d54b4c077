#pragma once

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace metasrv::server {

struct LogFileOptions {
  std::string dir;
  std::string name;            // "databend-meta-<id>@<cluster>"
  std::uint64_t max_size = 0;  // bytes; a file that reached it is followed by the next one of the hour
  std::uint64_t limit = 0;     // files kept; 0 keeps all
};

// Appends lines to `<dir>/<name>.<YYYY-MM-DD-HH>.<n>.log` (local time), a new file every hour and whenever one is full,
// and deletes the oldest ones (config-and-cli.md §6.12). Not thread-safe.
class LogFile {
 public:
  // Creates the directory and opens the file of `now`. Errors: the reason, naming the path.
  [[nodiscard]] static std::expected<std::unique_ptr<LogFile>, std::string> Open(const LogFileOptions& options,
                                                                                 std::time_t now);

  // Writes one line and its end. A line that cannot be written is lost: logging never stops the service.
  void Write(std::string_view line, std::time_t now);
  void Flush();

  // Closes and opens the file again, after an operator moved it away.
  void Reopen(std::time_t now);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  explicit LogFile(LogFileOptions options) : options_(std::move(options)) {}
  bool OpenFile();
  void StartHour(const std::string& hour);
  void DeleteOldest() const;
  [[nodiscard]] std::string PathOf(std::uint64_t number) const;

  LogFileOptions options_;
  std::string hour_;
  std::uint64_t number_ = 0;
  std::string path_;
  std::uint64_t size_ = 0;
  std::unique_ptr<std::FILE, Closer> file_;
};

}  // namespace metasrv::server
