#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "backup/import.h"
#include "common/ids.h"
#include "io/error.h"
#include "io/log_store.h"
#include "sm/store.h"

namespace metasrv::ctl {

// A complete new content for a data directory, being built beside the present one. Dropping it without Commit() forgets
// it.
class Replacement {
 public:
  virtual ~Replacement() = default;
  [[nodiscard]] virtual backup::ImportSink& sink() = 0;
  // Makes everything durable and puts it in the place of the present content, atomically, the state being the snapshot
  // `snapshot_id`. Called once, last.
  [[nodiscard]] virtual std::expected<void, io::Error> Commit(const std::string& snapshot_id) = 0;
};

// The data directory of a node that does not run, locked as long as the object lives. The program implements it over
// the real stores; this layer does not know them.
class OfflineDirectory {
 public:
  struct Content {
    io::LogContents log;                       // all of it was checked; the entries come from the cursor
    std::unique_ptr<io::EntryCursor> entries;  // lives no longer than the directory
    std::shared_ptr<const sm::Reader> state;   // lives no longer than the directory
    std::uint64_t rows_estimate = 0;           // entries and rows, about
  };

  virtual ~OfflineDirectory() = default;

  // Whether nothing was ever stored in it. Before any other call.
  [[nodiscard]] virtual bool IsEmpty() const = 0;

  // Everything in it; an empty directory becomes an empty store.
  [[nodiscard]] virtual std::expected<Content, io::Error> Load() = 0;
  // Gives a directory that has no identity one, durably. Called at most once, after Load().
  [[nodiscard]] virtual std::expected<void, io::Error> SetNodeId(NodeId id) = 0;
  // Called at most once, instead of Load().
  [[nodiscard]] virtual std::expected<std::unique_ptr<Replacement>, io::Error> Replace() = 0;
};

// Locks the directory, which is created when missing. Errors: kLocked when a server runs on it; kIncompatible, kIo.
using OpenDirectory =
    std::function<std::expected<std::unique_ptr<OfflineDirectory>, io::Error>(const std::string& raft_dir)>;

}  // namespace metasrv::ctl
