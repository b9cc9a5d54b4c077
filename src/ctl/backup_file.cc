#include "ctl/backup_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "ctl/packing.h"

namespace metasrv::ctl {
namespace fs = std::filesystem;
namespace {

using Status = std::expected<void, std::string>;

constexpr std::size_t kBlockBytes = std::size_t{256} * 1024;
// After a line larger than this the room for it is given back.
constexpr std::size_t kKeptBytes = std::size_t{8} * 1024 * 1024;

std::unexpected<std::string> Errno(const std::string& what) {
  return std::unexpected("can not " + what + ": " + std::strerror(errno));
}

class StreamSource final : public ByteSource {
 public:
  StreamSource(std::istream* stream, std::unique_ptr<std::istream> owned, std::string name,
               std::shared_ptr<std::uint64_t> bytes_read)
      : stream_(stream), owned_(std::move(owned)), name_(std::move(name)), bytes_read_(std::move(bytes_read)) {}

  std::expected<std::size_t, std::string> Read(std::span<char> to) override {
    errno = 0;
    stream_->read(to.data(), static_cast<std::streamsize>(to.size()));
    // A directory opens, and then reads as empty with an error.
    if (stream_->bad() || errno == EISDIR) return Errno("read " + name_);
    const auto count = static_cast<std::size_t>(stream_->gcount());
    *bytes_read_ += count;
    return count;
  }

 private:
  std::istream* stream_;
  std::unique_ptr<std::istream> owned_;
  std::string name_;
  std::shared_ptr<std::uint64_t> bytes_read_;
};

// The first bytes again, then the rest.
class RewoundSource final : public ByteSource {
 public:
  RewoundSource(std::string first, std::unique_ptr<ByteSource> rest)
      : first_(std::move(first)), rest_(std::move(rest)) {}

  std::expected<std::size_t, std::string> Read(std::span<char> to) override {
    if (given_ == first_.size()) return rest_->Read(to);
    const std::size_t count = std::min(to.size(), first_.size() - given_);
    std::copy_n(first_.data() + given_, count, to.data());
    given_ += count;
    return count;
  }

 private:
  std::string first_;
  std::size_t given_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

// Enough to tell packings apart, less only at the end.
std::expected<std::string, std::string> FirstBytes(ByteSource& source) {
  std::string first(kMagicBytes, '\0');
  std::size_t have = 0;
  while (have < first.size()) {
    const auto read = source.Read(std::span(first).subspan(have));
    if (!read) return std::unexpected(read.error());
    if (*read == 0) break;
    have += *read;
  }
  first.resize(have);
  return first;
}

class StreamSink final : public ByteSink {
 public:
  explicit StreamSink(std::ostream& stream) : stream_(stream) {}
  Status Write(std::string_view bytes) override {
    stream_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return stream_ ? Status() : std::unexpected("can not write to standard output");
  }
  Status Finish() override {
    stream_.flush();
    return stream_ ? Status() : std::unexpected("can not write to standard output");
  }

 private:
  std::ostream& stream_;
};

Status WriteAll(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Errno("write to " + name);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// Something that has no content of its own, as a pipe or /dev/null: written as it is.
class DeviceSink final : public ByteSink {
 public:
  DeviceSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  ~DeviceSink() override { close(fd_); }
  DeviceSink(const DeviceSink&) = delete;
  DeviceSink& operator=(const DeviceSink&) = delete;

  Status Write(std::string_view bytes) override { return WriteAll(fd_, bytes, name_); }
  Status Finish() override { return {}; }

 private:
  int fd_;
  std::string name_;
};

// A file under a provisional name until it is complete.
class FileSink final : public ByteSink {
 public:
  FileSink(int fd, std::string draft, std::string name) : fd_(fd), draft_(std::move(draft)), name_(std::move(name)) {}
  ~FileSink() override { close(fd_); }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  Status Write(std::string_view bytes) override { return WriteAll(fd_, bytes, draft_); }
  Status Finish() override {
    if (fsync(fd_) != 0) return Errno("write to " + draft_);
    if (std::rename(draft_.c_str(), name_.c_str()) != 0) return Errno("rename " + draft_ + " to " + name_);
    const fs::path parent = fs::path(name_).parent_path();
    const int directory = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return Errno("open " + parent.string());
    const bool synced = fsync(directory) == 0;
    close(directory);
    return synced ? Status() : Errno("write to " + parent.string());
  }

 private:
  int fd_;
  std::string draft_;
  std::string name_;
};

// Where a name leads to when it is a link, so that the link stays.
std::string Resolved(const std::string& name) {
  std::error_code error;
  const fs::path target = fs::canonical(name, error);
  return error ? name : target.string();
}

// Whether no other export has the draft, and none has given it its final name since it was opened.
bool IsMine(int fd, const std::string& draft) {
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) return false;
  struct stat opened {};
  struct stat named {};
  return fstat(fd, &opened) == 0 && stat(draft.c_str(), &named) == 0 && opened.st_ino == named.st_ino;
}

std::expected<std::unique_ptr<ByteSink>, std::string> OpenSink(const std::string& db, std::string* partial_name) {
  std::error_code error;
  const fs::file_status status = fs::status(db, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    const int fd = open(db.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return Errno("write to " + db);
    return std::make_unique<DeviceSink>(fd, db);
  }
  const std::string name = Resolved(db);
  *partial_name = name + ".partial";
  const int fd = open(partial_name->c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return Errno("write to " + *partial_name);
  auto sink = std::make_unique<FileSink>(fd, *partial_name, name);
  if (!IsMine(fd, *partial_name)) return std::unexpected("another export is writing to " + db);
  if (ftruncate(fd, 0) != 0) return Errno("write to " + *partial_name);
  return sink;
}

}  // namespace

std::expected<std::unique_ptr<BackupReader>, std::string> BackupReader::Open(const std::string& db,
                                                                             std::istream& otherwise,
                                                                             std::size_t line_bytes_max) {
  std::unique_ptr<BackupReader> reader(new BackupReader);
  reader->name_ = db.empty() ? "<stdin>" : db;
  reader->line_bytes_max_ = line_bytes_max;
  std::unique_ptr<std::istream> file;
  if (!db.empty()) {
    file = std::make_unique<std::ifstream>(db, std::ios::binary);
    if (!*file) return Errno("open " + db);
    std::error_code unknown;
    const std::uint64_t size = fs::file_size(db, unknown);
    if (!unknown) reader->bytes_total_ = size;
  }
  std::istream* stream = file ? file.get() : &otherwise;
  std::unique_ptr<ByteSource> source =
      std::make_unique<StreamSource>(stream, std::move(file), reader->name_, reader->bytes_read_);
  auto first = FirstBytes(*source);
  if (!first) return std::unexpected(first.error());
  const Packing packing = PackingOfContent(*first);
  const Packing named = PackingOfName(db);
  if (named != Packing::kNone && named != packing) {
    return std::unexpected(db + " does not hold " + std::string(ToString(named)) +
                           " data: copy the file again, or give it a name without this ending if it is plain text");
  }
  reader->source_ = Unpack(packing, std::make_unique<RewoundSource>(*std::move(first), std::move(source)));
  return reader;
}

std::expected<bool, std::string> BackupReader::Fill() {
  if (end_ - begin_ > line_bytes_max_) {
    return std::unexpected(name_ + ": line " + std::to_string(lines_ + 1) + " is longer than " +
                           std::to_string(line_bytes_max_) + " bytes: no meta service writes such a line");
  }
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
  }
  if (buffer_.size() > kKeptBytes && end_ < kBlockBytes)
    buffer_ = std::vector(buffer_.begin(), buffer_.begin() + kBlockBytes);
  if (end_ == buffer_.size()) buffer_.resize(std::max(kBlockBytes, 2 * buffer_.size()));
  const auto read = source_->Read(std::span(buffer_).subspan(end_));
  if (!read) return std::unexpected(name_ + ": " + read.error());
  end_ += *read;
  return *read > 0;
}

std::expected<std::optional<std::string_view>, std::string> BackupReader::Next() {
  std::size_t searched = begin_;
  while (true) {
    const char* const from = buffer_.data() + searched;
    const char* const found =
        static_cast<const char*>(searched == end_ ? nullptr : std::memchr(from, '\n', end_ - searched));
    if (found != nullptr) {
      const char* const line = buffer_.data() + begin_;
      begin_ = static_cast<std::size_t>(found - buffer_.data()) + 1;
      ++lines_;
      return std::string_view(line, static_cast<std::size_t>(found - line));
    }
    const std::size_t kept = end_ - begin_;
    const auto more = Fill();
    if (!more) return std::unexpected(more.error());
    searched = begin_ + kept;
    if (*more) continue;
    if (begin_ == end_) return std::nullopt;
    ends_within_a_line_ = true;
    return std::string_view(buffer_.data() + std::exchange(begin_, end_), kept);
  }
}

std::expected<std::unique_ptr<BackupWriter>, std::string> BackupWriter::Open(const std::string& db,
                                                                             std::ostream& otherwise) {
  std::unique_ptr<BackupWriter> writer(new BackupWriter);
  if (db.empty()) {
    writer->sink_ = std::make_unique<StreamSink>(otherwise);
    return writer;
  }
  auto sink = OpenSink(db, &writer->partial_name_);
  if (!sink) return std::unexpected(sink.error());
  writer->sink_ = Pack(PackingOfName(db), *std::move(sink));
  return writer;
}

BackupWriter::~BackupWriter() {
  if (!finished_ && sink_) static_cast<void>(Flush());
}

std::expected<void, std::string> BackupWriter::Flush() {
  auto written = sink_->Write(block_);
  block_.clear();
  return written;
}

std::expected<void, std::string> BackupWriter::Write(std::string_view line) {
  block_.append(line);
  block_.push_back('\n');
  return block_.size() < kBlockBytes ? Status() : Flush();
}

std::expected<void, std::string> BackupWriter::Finish() {
  finished_ = true;
  if (auto written = Flush(); !written) return written;
  return sink_->Finish();
}

}  // namespace metasrv::ctl
