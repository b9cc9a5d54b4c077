#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "io/error.h"

namespace metasrv::io {

// Where the stores of one node live below one data directory.
struct DataPaths {
  explicit DataPaths(const std::string& meta_dir);

  std::string log;       // RocksDB: entries, hard state, identity
  std::string state;     // RocksDB: the state machine
  std::string snapshot;  // where snapshot_mark.h names the durable state
};

// A complete new data directory that is being built beside the present one. Dropping it without Commit() removes it.
class DataImport {
 public:
  ~DataImport();
  DataImport(const DataImport&) = delete;
  DataImport& operator=(const DataImport&) = delete;

  [[nodiscard]] const DataPaths& paths() const { return paths_; }

  // Puts the new directory in the place of the present one: after a crash at any moment the next Open finds one of the
  // two, whole. Requires: the stores in paths() are flushed and closed, as are those of the DataDir; called once.
  // Errors: kIo, kNoSpace; the present data is then untouched or replaced, never mixed.
  [[nodiscard]] std::expected<void, Error> Commit();

 private:
  friend class DataDir;
  explicit DataImport(std::string raft_dir);

  std::string raft_dir_;
  DataPaths paths_;
  bool committed_ = false;
};

// The data directory of one node, locked for this process as long as the object lives:
//
//   <raft_dir>/df_meta/VERSION            {"version":"V004"}
//   <raft_dir>/df_meta/V004/{log,state,snapshot}/
//
// Whatever else is in `raft_dir` is left alone.
class DataDir {
 public:
  enum class Missing { kCreate, kFail };

  // Locks the directory, finishes or undoes an import that a crash cut short, and checks who wrote the data.
  // Errors: kLocked; kIncompatible for data of upstream or of another version; kNotFound with Missing::kFail; kIo.
  [[nodiscard]] static std::expected<std::unique_ptr<DataDir>, Error> Open(const std::string& raft_dir,
                                                                           Missing missing);

  ~DataDir();
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  [[nodiscard]] const DataPaths& paths() const { return paths_; }

  // Whether no store was ever opened in it.
  [[nodiscard]] bool IsEmpty() const;

  // Starts building a replacement. Requires: no other import of this directory is alive.
  [[nodiscard]] std::expected<std::unique_ptr<DataImport>, Error> BeginImport();

 private:
  DataDir(std::string raft_dir, int lock_fd);

  std::string raft_dir_;
  int lock_fd_;
  DataPaths paths_;
};

// A file that only takes up room. On a disk that somebody else has filled it is given up, so that a node can always be
// started and then be told what is wrong. Enough for opening both databases.
inline constexpr std::uint64_t kReserveBytes = std::uint64_t{16} << 20U;
// Makes sure that there is one, when there is much more room than it takes. A failure changes nothing.
void KeepReserve(const std::string& raft_dir);
// Removes it when less than its size is free. Whether it did.
bool ReleaseReserve(const std::string& raft_dir, std::optional<std::uint64_t> free_bytes);

// Bytes that this process may still write to the file system of `path`; none when that is not known.
[[nodiscard]] std::optional<std::uint64_t> FreeDiskBytes(const std::string& path);

}  // namespace metasrv::io
