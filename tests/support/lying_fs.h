#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/prng.h"

namespace metasrv::test {

// A file system for RocksDB that lies as disks do: what was not synced is there until the power goes, and then it is
// not. Of a file that had its space before it was written, each sector may be there or not; of any other file a prefix.
//
//   env = NewEnvOver(fs) ... use a database ...
//   fs->PowerOff();           // every call that changes something fails from now on
//   close the database
//   fs->PowerOn(prng);        // loses what was not synced, but for a drawn prefix of each file and of the directory
//   changes
//
// Also fails calls on request. Thread-safe. Needs one directory per object, whose files nobody else touches.
class LyingFs final : public rocksdb::FileSystemWrapper {
 public:
  // `graveyard` is a directory for files that were removed without a sync of their directory.
  explicit LyingFs(std::string graveyard);

  // How much of what was not synced outlives a power cut.
  enum class Keep { kNothing, kPrefix };

  void PowerOff();
  void PowerOn(Prng& prng, Keep keep);

  // The `number`-th call from now that would change the disk (from 1) and everything after it finds the power off.
  void PowerOffAtCall(std::uint64_t number);
  // That call alone, or it and all later ones, fail with `error`.
  void FailAtCall(std::uint64_t number, rocksdb::IOStatus error, bool for_ever);
  // The next sync of a file whose name ends in `suffix` fails. As on Linux, what it covered never becomes durable, even
  // if a later sync of the file succeeds.
  void FailNextSync(std::string suffix);
  // What the file system says when it is asked; what is written has room all the same.
  void SetFreeSpace(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t calls() const;

  // --- What RocksDB calls ---
  [[nodiscard]] const char* Name() const override { return "LyingFs"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus Truncate(const std::string& name, std::size_t size, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, std::uint64_t* free,
                                 rocksdb::IODebugContext* debug) override;

 private:
  class File;
  class Directory;

  static constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40U;

  struct FileState {
    std::uint64_t synced = 0;
    std::uint64_t written = 0;
    std::uint64_t reserved = 0;  // the size at the last sync; larger than `synced` if space was reserved
    std::string cut;             // by a truncation that was not synced
    bool lost = false;           // a sync failed: nothing more becomes durable
  };
  // A change of names that a power cut may undo: `name` came into being (from `source`, if not empty) and what was
  // there before waits in the graveyard (if `buried` is not empty).
  struct NameChange {
    std::string name;
    std::string source;
    std::string buried;
  };
  // Counts the call and says what becomes of it.
  rocksdb::IOStatus Admit();
  rocksdb::IOStatus Grow(const std::string& name, std::uint64_t bytes);
  rocksdb::IOStatus AdmitSync(const std::string& name);
  void MarkSynced(const std::string& name);
  rocksdb::IOStatus CutTo(const std::string& name, std::uint64_t size);
  void Settle(const std::string& name, const FileState& state, Prng& prng, Keep keep);
  void SyncDirectory();
  std::string Bury(const std::string& name);
  void Undo(const NameChange& change);
  void Track(const std::string& name, std::unique_ptr<rocksdb::FSWritableFile>* file, std::uint64_t size);

  const std::string graveyard_;
  mutable std::mutex mutex_;
  bool off_ = false;
  std::uint64_t free_ = kPlenty;
  std::uint64_t calls_ = 0;
  std::uint64_t off_at_ = 0;  // 0: never
  std::uint64_t fail_at_ = 0;
  bool fail_for_ever_ = false;
  rocksdb::IOStatus failure_;
  std::string fail_sync_of_;
  std::uint64_t buried_ = 0;
  std::map<std::string, FileState> files_;
  std::vector<NameChange> changes_;  // since the last directory sync
};

// An environment over `fs` whose threads never sleep: RocksDB waits a second after each background error.
[[nodiscard]] std::unique_ptr<rocksdb::Env> NewEnvOver(const std::shared_ptr<LyingFs>& fs);

}  // namespace metasrv::test
