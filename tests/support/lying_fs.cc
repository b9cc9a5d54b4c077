#include "tests/support/lying_fs.h"

#include <rocksdb/system_clock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "common/check.h"

namespace metasrv::test {
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSectorBytes = 512;  // a disk writes these as wholes

}  // namespace

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Writes go to the real file at once, so that reads see them; what is durable is only counted.
class LyingFs::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(std::unique_ptr<rocksdb::FSWritableFile> target, LyingFs& owner, std::string name)
      : FSWritableFileOwnerWrapper(std::move(target)), owner_(owner), name_(std::move(name)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus admitted = owner_.Grow(name_, data.size()); !admitted.ok()) return admitted;
    return target()->Append(data, options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus PositionedAppend(const rocksdb::Slice&, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::NotSupported("PositionedAppend");
  }
  IOStatus PositionedAppend(const rocksdb::Slice&, std::uint64_t, const IOOptions&,
                            const rocksdb::DataVerificationInfo&, IODebugContext*) override {
    return IOStatus::NotSupported("PositionedAppend");
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus admitted = owner_.CutTo(name_, size); !admitted.ok()) return admitted;
    return target()->Truncate(size, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus admitted = owner_.AdmitSync(name_); !admitted.ok()) return admitted;
    IOStatus flushed = target()->Flush(options, debug);
    if (flushed.ok()) owner_.MarkSynced(name_);
    return flushed;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }
  // Promises nothing that counts.
  IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

 private:
  LyingFs& owner_;
  const std::string name_;
};

class LyingFs::Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(std::unique_ptr<rocksdb::FSDirectory> target, LyingFs& owner)
      : FSDirectoryWrapper(std::move(target)), owner_(owner) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    IOStatus admitted = owner_.Admit();
    if (admitted.ok()) owner_.SyncDirectory();
    return admitted;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  LyingFs& owner_;
};

LyingFs::LyingFs(std::string graveyard)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), graveyard_(std::move(graveyard)) {
  fs::create_directories(graveyard_);
}

// --- Control ---

void LyingFs::PowerOff() {
  const std::lock_guard lock(mutex_);
  off_ = true;
}

void LyingFs::PowerOn(Prng& prng, Keep keep) {
  const std::lock_guard lock(mutex_);
  const auto kept = [&](std::uint64_t unsynced) { return keep == Keep::kNothing ? 0 : prng.Between(0, unsynced); };
  for (const std::uint64_t done = kept(changes_.size()); changes_.size() > done; changes_.pop_back()) {
    Undo(changes_.back());
  }
  changes_.clear();
  for (const auto& [name, state] : files_) {
    std::error_code gone;
    if (fs::exists(name, gone)) Settle(name, state, prng, keep);
  }
  files_.clear();
  off_ = fail_for_ever_ = false;
  free_ = kPlenty;
  off_at_ = fail_at_ = 0;
  fail_sync_of_.clear();
}

void LyingFs::PowerOffAtCall(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  off_at_ = calls_ + number;
}

void LyingFs::FailAtCall(std::uint64_t number, IOStatus error, bool for_ever) {
  const std::lock_guard lock(mutex_);
  fail_at_ = calls_ + number;
  fail_for_ever_ = for_ever;
  failure_ = std::move(error);
}

void LyingFs::FailNextSync(std::string suffix) {
  const std::lock_guard lock(mutex_);
  fail_sync_of_ = std::move(suffix);
}

void LyingFs::SetFreeSpace(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  free_ = bytes;
}

std::uint64_t LyingFs::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

// --- Bookkeeping ---

IOStatus LyingFs::Admit() {
  const std::lock_guard lock(mutex_);
  ++calls_;
  if (off_at_ != 0 && calls_ >= off_at_) off_ = true;
  if (off_) return IOStatus::IOError("the power is off");
  if (fail_at_ != 0 && (calls_ == fail_at_ || (fail_for_ever_ && calls_ > fail_at_))) return failure_;
  return IOStatus::OK();
}

IOStatus LyingFs::Grow(const std::string& name, std::uint64_t bytes) {
  IOStatus admitted = Admit();
  const std::lock_guard lock(mutex_);
  if (admitted.ok()) files_[name].written += bytes;
  return admitted;
}

IOStatus LyingFs::AdmitSync(const std::string& name) {
  IOStatus admitted = Admit();
  const std::lock_guard lock(mutex_);
  if (admitted.ok() && !fail_sync_of_.empty() && name.ends_with(fail_sync_of_)) {
    fail_sync_of_.clear();
    admitted = IOStatus::IOError("sync failed: " + name);
  }
  if (!admitted.ok()) files_[name].lost = true;
  return admitted;
}

void LyingFs::MarkSynced(const std::string& name) {
  const std::lock_guard lock(mutex_);
  FileState& state = files_[name];
  if (state.lost) return;
  state.synced = state.written;
  state.reserved = fs::file_size(name);
  state.cut.clear();
}

IOStatus LyingFs::CutTo(const std::string& name, std::uint64_t size) {
  IOStatus admitted = Admit();
  const std::lock_guard lock(mutex_);
  FileState& state = files_[name];
  if (!admitted.ok() || size >= state.synced) return admitted;
  std::ifstream file(name, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(size));
  state.cut.assign(std::istreambuf_iterator<char>(file), {});
  state.synced = state.written = state.reserved = size;
  return admitted;
}

// What the disk holds of a file once the power is back.
void LyingFs::Settle(const std::string& name, const FileState& state, Prng& prng, Keep keep) {
  if (!state.cut.empty() && (keep == Keep::kNothing || prng.Below(2) == 0)) {
    fs::resize_file(name, state.synced);
    std::ofstream(name, std::ios::binary | std::ios::app) << state.cut;
    return;
  }
  if (state.reserved <= state.synced) {
    const std::uint64_t unsynced = state.written - state.synced;
    fs::resize_file(name, state.synced + (keep == Keep::kNothing ? 0 : prng.Between(0, unsynced)));
    return;
  }
  // Closing the file has cut the space off, but that was not synced.
  fs::resize_file(name, std::max(state.reserved, state.written));
  std::fstream file(name, std::ios::in | std::ios::out | std::ios::binary);
  for (std::uint64_t begin = state.synced; begin < state.written;) {
    const std::uint64_t end = std::min((begin / kSectorBytes + 1) * kSectorBytes, state.written);
    if (keep == Keep::kNothing || prng.Below(2) == 0) {
      file.seekp(static_cast<std::streamoff>(begin));
      file << std::string(end - begin, '\0');
    }
    begin = end;
  }
  CHECK(file.good());
}

void LyingFs::SyncDirectory() {
  const std::lock_guard lock(mutex_);
  changes_.clear();
}

std::string LyingFs::Bury(const std::string& name) {
  std::string grave = graveyard_ + "/" + std::to_string(++buried_);
  fs::rename(name, grave);
  if (const auto found = files_.find(name); found != files_.end()) {
    files_[grave] = found->second;
    files_.erase(found);
  }
  return grave;
}

void LyingFs::Undo(const NameChange& change) {
  const auto move = [this](const std::string& from, const std::string& to) {
    std::error_code gone;
    fs::rename(from, to, gone);
    if (const auto found = files_.find(from); found != files_.end()) {
      files_[to] = found->second;
      files_.erase(found);
    }
  };
  if (!change.source.empty()) {
    move(change.name, change.source);
  } else if (change.buried.empty()) {
    std::error_code gone;
    fs::remove(change.name, gone);
    files_.erase(change.name);
  }
  if (!change.buried.empty()) move(change.buried, change.name);
}

void LyingFs::Track(const std::string& name, std::unique_ptr<rocksdb::FSWritableFile>* file, std::uint64_t size) {
  files_[name] = {.synced = size, .written = size, .reserved = size, .cut = ""};
  *file = std::make_unique<File>(std::move(*file), *this, name);
}

// --- File system calls ---

IOStatus LyingFs::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                  std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  if (IOStatus admitted = Admit(); !admitted.ok()) return admitted;
  const std::lock_guard lock(mutex_);
  std::string buried = fs::exists(name) ? Bury(name) : std::string();
  IOStatus status = target()->NewWritableFile(name, options, file, debug);
  if (!status.ok()) return status;
  // What was there is truncated at once, on every file system; only the name's coming into being can be undone.
  if (buried.empty()) changes_.push_back({.name = name, .source = "", .buried = ""});
  Track(name, file, 0);
  return status;
}

IOStatus LyingFs::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  if (IOStatus admitted = Admit(); !admitted.ok()) return admitted;
  const std::lock_guard lock(mutex_);
  IOStatus status = target()->ReopenWritableFile(name, options, file, debug);
  if (status.ok()) Track(name, file, fs::file_size(name));
  return status;
}

IOStatus LyingFs::ReuseWritableFile(const std::string&, const std::string&, const rocksdb::FileOptions&,
                                    std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) {
  return IOStatus::NotSupported("recycled files");
}

IOStatus LyingFs::NewDirectory(const std::string& name, const IOOptions& options,
                               std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) {
  IOStatus status = target()->NewDirectory(name, options, directory, debug);
  if (status.ok()) *directory = std::make_unique<Directory>(std::move(*directory), *this);
  return status;
}

IOStatus LyingFs::DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) {
  if (IOStatus admitted = Admit(); !admitted.ok()) return admitted;
  const std::lock_guard lock(mutex_);
  if (!fs::exists(name)) return IOStatus::PathNotFound(name);
  std::string buried = Bury(name);
  changes_.push_back({.name = name, .source = "", .buried = std::move(buried)});
  return IOStatus::OK();
}

IOStatus LyingFs::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                             IODebugContext* debug) {
  if (IOStatus admitted = Admit(); !admitted.ok()) return admitted;
  const std::lock_guard lock(mutex_);
  std::string buried = fs::exists(to) ? Bury(to) : std::string();
  IOStatus status = target()->RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  if (const auto found = files_.find(from); found != files_.end()) {
    files_[to] = found->second;
    files_.erase(found);
  }
  changes_.push_back({.name = to, .source = from, .buried = std::move(buried)});
  return status;
}

IOStatus LyingFs::Truncate(const std::string& name, std::size_t size, const IOOptions& options, IODebugContext* debug) {
  if (IOStatus admitted = Admit(); !admitted.ok()) return admitted;
  return target()->Truncate(name, size, options, debug);
}

IOStatus LyingFs::GetFreeSpace(const std::string&, const IOOptions&, std::uint64_t* free, IODebugContext*) {
  const std::lock_guard lock(mutex_);
  *free = free_;
  return IOStatus::OK();
}

// --- Environment ---

namespace {

class SleeplessClock final : public rocksdb::SystemClockWrapper {
 public:
  SleeplessClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  [[nodiscard]] const char* Name() const override { return "SleeplessClock"; }
  void SleepForMicroseconds(int) override {}
};

class LyingEnv final : public rocksdb::EnvWrapper {
 public:
  explicit LyingEnv(const std::shared_ptr<LyingFs>& fs) : EnvWrapper(rocksdb::NewCompositeEnv(fs)) {
    file_system_ = fs;
    system_clock_ = std::make_shared<SleeplessClock>();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewEnvOver(const std::shared_ptr<LyingFs>& fs) { return std::make_unique<LyingEnv>(fs); }

}  // namespace metasrv::test
