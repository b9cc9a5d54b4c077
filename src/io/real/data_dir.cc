#include "io/real/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace metasrv::io {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kVersion = "V004";
constexpr std::string_view kCurrent = "df_meta";
constexpr std::string_view kReserve = "df_meta/reserve";
constexpr std::string_view kImporting = "df_meta.importing";  // being built: worthless after a crash
constexpr std::string_view kReplaced = "df_meta.replaced";    // exists only while a finished import is swapped in

using Result = std::expected<void, Error>;

std::string Join(const std::string& dir, std::string_view name) { return (fs::path(dir) / name).string(); }

std::unexpected<Error> Failed(int error, const std::string& what) {
  const ErrorKind kind = error == ENOSPC || error == EDQUOT ? ErrorKind::kNoSpace : ErrorKind::kIo;
  return std::unexpected(Error{kind, what + ": " + std::strerror(error)});
}

std::unexpected<Error> Failed(const std::error_code& error, const std::string& what) {
  return Failed(error.value(), what);
}

Result Sync(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed(errno, "open " + path);
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  if (error != 0) return Failed(error, "fsync " + path);
  return {};
}

Result Rename(const std::string& raft_dir, std::string_view from, std::string_view to) {
  if (std::rename(Join(raft_dir, from).c_str(), Join(raft_dir, to).c_str()) != 0) {
    return Failed(errno, "rename " + Join(raft_dir, from));
  }
  return Sync(raft_dir);
}

Result Remove(const std::string& raft_dir, std::string_view name) {
  std::error_code error;
  fs::remove_all(Join(raft_dir, name), error);
  if (error) return Failed(error, "remove " + Join(raft_dir, name));
  return {};
}

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool Exists(const std::string& raft_dir, std::string_view name) { return Exists(Join(raft_dir, name)); }

bool IsEmpty(const std::string& dir) {
  std::error_code error;
  return fs::is_empty(dir, error) && !error;
}

Result CreateDirectories(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return Failed(error, "create " + path);
  return {};
}

// Writes the version marker through a rename: it is whole or absent.
Result WriteVersion(const std::string& meta_dir) {
  const std::string path = Join(meta_dir, "VERSION");
  const std::string draft = path + ".tmp";
  std::ofstream file(draft, std::ios::trunc);
  file << "{\"version\":\"" << kVersion << "\"}";
  file.close();
  if (!file) return Failed(EIO, "write " + draft);
  if (auto synced = Sync(draft); !synced) return synced;
  if (std::rename(draft.c_str(), path.c_str()) != 0) return Failed(errno, "rename " + draft);
  return Sync(meta_dir);
}

// The marker without blanks; empty when there is none.
std::string ReadVersion(const std::string& meta_dir) {
  std::ifstream file(Join(meta_dir, "VERSION"));
  std::string text;
  for (char c = 0; file.get(c);) {
    if (!std::isspace(static_cast<unsigned char>(c))) text += c;
  }
  return text;
}

// The directory skeleton, the marker last: a directory without one is still empty.
Result CreateLayout(const std::string& meta_dir) {
  const DataPaths paths(meta_dir);
  for (const std::string& path : {paths.log, paths.state, paths.snapshot}) {
    if (auto created = CreateDirectories(path); !created) return created;
  }
  if (auto synced = Sync(fs::path(paths.log).parent_path()); !synced) return synced;
  return WriteVersion(meta_dir);
}

bool HasFileNamed(const std::string& dir, std::string_view suffix) {
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == suffix) return true;
  }
  return false;
}

std::unexpected<Error> Foreign(const std::string& raft_dir, const std::string& why) {
  return std::unexpected(
      Error{ErrorKind::kIncompatible,
            "'" + raft_dir + "' was written by another program or version (" + why +
                "): export it with the databend-metactl that belongs to it, then import the backup here"});
}

// Upstream uses the same marker for its own format, so the files decide (spec README, ruling 7).
Result CheckWriter(const std::string& raft_dir) {
  const std::string meta_dir = Join(raft_dir, kCurrent);
  const std::string version = ReadVersion(meta_dir);
  const std::string expected = "{\"version\":\"" + std::string(kVersion) + "\"}";
  if (!version.empty() && version != expected) return Foreign(raft_dir, "its VERSION is " + version);
  const DataPaths paths(meta_dir);
  if (HasFileNamed(paths.log, ".wal")) return Foreign(raft_dir, "it has upstream's *.wal files");
  if (!Exists(paths.state) && HasFileNamed(paths.snapshot, ".snap")) {
    return Foreign(raft_dir, "it has upstream's *.snap files and no state");
  }
  if (version.empty() && Exists(paths.state)) {
    // Created by a process that died before it wrote the marker; nothing can be in it but empty directories.
    if (!IsEmpty(paths.log) || !IsEmpty(paths.state)) return Foreign(raft_dir, "its VERSION file is missing");
  }
  return {};
}

// Brings the directory back to one df_meta after a crash; every step may be cut short and repeated (K13).
Result FinishImport(const std::string& raft_dir) {
  if (Exists(raft_dir, kReplaced) && !Exists(raft_dir, kCurrent)) {
    // The old data was moved away only after the new data was complete and synced, so the new data wins.
    const auto heir = Exists(raft_dir, kImporting) ? kImporting : kReplaced;
    if (auto renamed = Rename(raft_dir, heir, kCurrent); !renamed) return renamed;
  }
  if (auto removed = Remove(raft_dir, kImporting); !removed) return removed;
  return Remove(raft_dir, kReplaced);
}

// The lock is on the directory itself: it leaves no file behind, and an import cannot swap it away.
std::expected<int, Error> Lock(const std::string& raft_dir) {
  const int fd = open(raft_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failed(errno, "open " + raft_dir);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int error = errno;
  close(fd);
  if (error != EWOULDBLOCK) return Failed(error, "lock " + raft_dir);
  return std::unexpected(
      Error{ErrorKind::kLocked, "Directory '" + raft_dir + "' is already locked by another process"});
}

// Everything that is done under the lock.
Result Prepare(const std::string& raft_dir, DataDir::Missing missing) {
  if (auto finished = FinishImport(raft_dir); !finished) return finished;
  if (auto checked = CheckWriter(raft_dir); !checked) return checked;
  const std::string meta_dir = Join(raft_dir, kCurrent);
  if (!ReadVersion(meta_dir).empty()) return CreateDirectories(DataPaths(meta_dir).snapshot);
  if (missing == DataDir::Missing::kFail) {
    return std::unexpected(Error{ErrorKind::kNotFound, "there is no meta-service data in '" + raft_dir + "'"});
  }
  if (auto created = CreateLayout(meta_dir); !created) return created;
  return Sync(raft_dir);
}

}  // namespace

DataPaths::DataPaths(const std::string& meta_dir)
    : log(Join(Join(meta_dir, kVersion), "log")),
      state(Join(Join(meta_dir, kVersion), "state")),
      snapshot(Join(Join(meta_dir, kVersion), "snapshot")) {}

std::expected<std::unique_ptr<DataDir>, Error> DataDir::Open(const std::string& raft_dir, Missing missing) {
  if (missing == Missing::kCreate) {
    if (auto created = CreateDirectories(raft_dir); !created) return std::unexpected(created.error());
  } else if (!Exists(raft_dir)) {
    return std::unexpected(Error{ErrorKind::kNotFound, "there is no directory '" + raft_dir + "'"});
  }
  const auto fd = Lock(raft_dir);
  if (!fd) return std::unexpected(fd.error());
  std::unique_ptr<DataDir> dir(new DataDir(raft_dir, *fd));
  if (auto prepared = Prepare(raft_dir, missing); !prepared) return std::unexpected(prepared.error());
  return dir;
}

DataDir::DataDir(std::string raft_dir, int lock_fd)
    : raft_dir_(std::move(raft_dir)), lock_fd_(lock_fd), paths_(Join(raft_dir_, kCurrent)) {}

DataDir::~DataDir() { close(lock_fd_); }

bool DataDir::IsEmpty() const { return io::IsEmpty(paths_.log) && io::IsEmpty(paths_.state); }

std::expected<std::unique_ptr<DataImport>, Error> DataDir::BeginImport() {
  if (auto removed = Remove(raft_dir_, kImporting); !removed) return std::unexpected(removed.error());
  std::unique_ptr<DataImport> import(new DataImport(raft_dir_));
  if (auto created = CreateLayout(Join(raft_dir_, kImporting)); !created) return std::unexpected(created.error());
  return import;
}

DataImport::DataImport(std::string raft_dir) : raft_dir_(std::move(raft_dir)), paths_(Join(raft_dir_, kImporting)) {}

DataImport::~DataImport() {
  if (committed_) return;
  // An error leaves the directory to the next Open, which removes it.
  static_cast<void>(Remove(raft_dir_, kImporting));
}

std::expected<void, Error> DataImport::Commit() {
  committed_ = true;
  // The stores synced their files; here the names on the way to them.
  for (const std::string& path : {paths_.log, paths_.state, paths_.snapshot, Join(raft_dir_, kImporting), raft_dir_}) {
    if (auto synced = Sync(path); !synced) return synced;
  }
  if (Exists(raft_dir_, kCurrent)) {
    if (auto renamed = Rename(raft_dir_, kCurrent, kReplaced); !renamed) return renamed;
  }
  if (auto renamed = Rename(raft_dir_, kImporting, kCurrent); !renamed) return renamed;
  return Remove(raft_dir_, kReplaced);
}

std::optional<std::uint64_t> FreeDiskBytes(const std::string& path) {
  std::error_code error;
  const fs::space_info space = fs::space(path, error);
  if (error) return std::nullopt;
  return space.available;
}

void KeepReserve(const std::string& raft_dir) {
  const std::string path = raft_dir + "/" + std::string(kReserve);
  std::error_code error;
  if (fs::file_size(path, error) == kReserveBytes && !error) return;
  if (FreeDiskBytes(raft_dir).value_or(0) < 16 * kReserveBytes) return;
  const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const bool kept = posix_fallocate(fd, 0, static_cast<off_t>(kReserveBytes)) == 0;
  close(fd);
  if (!kept) fs::remove(path, error);
}

bool ReleaseReserve(const std::string& raft_dir, std::optional<std::uint64_t> free_bytes) {
  if (!free_bytes || *free_bytes >= kReserveBytes) return false;
  std::error_code error;
  return fs::remove(raft_dir + "/" + std::string(kReserve), error) && !error;
}

}  // namespace metasrv::io
