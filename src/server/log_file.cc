#include "server/log_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

namespace metasrv::server {
namespace {

namespace fs = std::filesystem;

std::string HourOf(std::time_t now) {
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d-%H", &local);
  return text.data();
}

}  // namespace

std::expected<std::unique_ptr<LogFile>, std::string> LogFile::Open(const LogFileOptions& options, std::time_t now) {
  std::error_code error;
  fs::create_directories(options.dir, error);
  if (error) return std::unexpected("cannot create log directory " + options.dir + ": " + error.message());
  std::unique_ptr<LogFile> file(new LogFile(options));
  file->StartHour(HourOf(now));
  if (!file->OpenFile()) return std::unexpected("cannot open log file " + file->path_ + ": " + std::strerror(errno));
  return file;
}

std::string LogFile::PathOf(std::uint64_t number) const {
  return options_.dir + "/" + options_.name + "." + hour_ + "." + std::to_string(number) + ".log";
}

// Continues the last file of the hour unless it is full.
void LogFile::StartHour(const std::string& hour) {
  hour_ = hour;
  number_ = 0;
  std::error_code error;
  while (fs::exists(PathOf(number_ + 1), error)) ++number_;
  const auto size = fs::file_size(PathOf(number_), error);
  if (!error && size >= options_.max_size) ++number_;
}

bool LogFile::OpenFile() {
  path_ = PathOf(number_);
  std::error_code error;
  if (!fs::exists(path_, error)) DeleteOldest();
  file_.reset(std::fopen(path_.c_str(), "ae"));
  if (file_ == nullptr) return false;
  size_ = fs::file_size(path_, error);
  if (error) size_ = 0;
  return true;
}

void LogFile::DeleteOldest() const {
  if (options_.limit == 0) return;
  const std::string prefix = options_.name.substr(0, options_.name.find('.'));
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.dir, error)) {
    if (!entry.is_regular_file(error) || !entry.path().filename().string().starts_with(prefix)) continue;
    files.emplace_back(entry.last_write_time(error), entry.path());
  }
  std::ranges::sort(files);
  // One more file is about to be made.
  for (std::size_t i = 0; i + options_.limit <= files.size(); ++i) fs::remove(files[i].second, error);
}

void LogFile::Write(std::string_view line, std::time_t now) {
  if (const std::string hour = HourOf(now); hour != hour_) {
    StartHour(hour);
    OpenFile();
  } else if (size_ >= options_.max_size) {
    ++number_;
    OpenFile();
  }
  if (file_ == nullptr) return;
  std::fwrite(line.data(), 1, line.size(), file_.get());
  std::fputc('\n', file_.get());
  size_ += line.size() + 1;
}

void LogFile::Flush() {
  if (file_ != nullptr) std::fflush(file_.get());
}

void LogFile::Reopen(std::time_t now) {
  file_.reset();
  StartHour(HourOf(now));
  OpenFile();
}

}  // namespace metasrv::server
