#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metasrv::sm {

// Walks the rows of a Reader in ascending key order, compared as unsigned bytes. Views stay valid until Next().
class Iterator {
 public:
  virtual ~Iterator() = default;
  [[nodiscard]] virtual bool Valid() const = 0;
  virtual void Next() = 0;                                   // Requires: Valid()
  [[nodiscard]] virtual std::string_view key() const = 0;    // Requires: Valid()
  [[nodiscard]] virtual std::string_view value() const = 0;  // Requires: Valid()
};

// An ordered map of bytes to bytes that does not change while it is read. A read that fails (disk error, bad checksum)
// ends the process with the reason: a replica that cannot read its own state must not answer.
class Reader {
 public:
  virtual ~Reader() = default;
  [[nodiscard]] virtual std::optional<std::string> Get(std::string_view key) const = 0;
  // Rows with lower <= key < upper; an empty `upper` means no upper bound.
  [[nodiscard]] virtual std::unique_ptr<Iterator> Scan(std::string_view lower, std::string_view upper) const = 0;
};

// A frozen view. Safe to use from any thread, also while the store is written; must not outlive its store.
using Snapshot = Reader;

// Changes that take effect as one. A later change of a key wins.
struct WriteBatch {
  struct Change {
    std::string key;
    std::optional<std::string> value;  // none: delete
  };
  std::vector<Change> changes;

  void Put(std::string key, std::string value) { changes.push_back({std::move(key), std::move(value)}); }
  void Delete(std::string key) { changes.push_back({std::move(key), std::nullopt}); }
};

using Row = std::pair<std::string, std::string>;

// Collects a complete new state beside the present one, which stays readable and writable until Commit.
class Installer {
 public:
  // Without Commit: rows that were never marked are forgotten, marked ones stay staged.
  virtual ~Installer() = default;
  // Rows in any order; no key twice. A `mark` that is not empty stages everything so far: rows and mark are one change,
  // in the order of the store's writes, so that a crash leaves the rows and the mark of one Add, at least those that a
  // Flush covers (docs/STORAGE.md, K16).
  virtual void Add(std::vector<Row> rows, std::string mark) = 0;
  void Add(std::vector<Row> rows) { Add(std::move(rows), {}); }
  // Replaces the whole store by the collected rows, atomically and durably, then calls `done(true)`; `done(false)`
  // after a disk error, which poisons the store. Nothing is staged any more.
  virtual void Commit(std::move_only_function<void(bool ok)> done) = 0;
};

// The storage of the state machine: an ordered map with snapshots and atomic batches, owned by `sm` and implemented by
// io/real (RocksDB) and io/sim (over the simulated disk). After a crash it holds the effect of a prefix of the batches,
// at least those covered by the last completed Flush (docs/STORAGE.md K3, K4, K10). Used from the node's event loop.
class Store : public Reader {
 public:
  // Applies the batch. Visible at once, durable at the latest with the next Flush.
  // Errors: false after a disk error; the store is then poisoned and the node must stop.
  [[nodiscard]] virtual bool Write(WriteBatch batch) = 0;

  // Makes every earlier Write durable, then calls `done(true)`; `done(false)` after a disk error.
  virtual void Flush(std::move_only_function<void(bool ok)> done) = 0;

  // Shared ownership: the view lives until the last user lets go.
  [[nodiscard]] virtual std::shared_ptr<const Snapshot> NewSnapshot() const = 0;

  // Forgets what is staged. Requires: no other installer is in use.
  [[nodiscard]] virtual std::unique_ptr<Installer> NewInstaller() = 0;

  // The last mark of what is staged; none when nothing is.
  [[nodiscard]] virtual std::optional<std::string> Staged() const = 0;
  // Goes on with what is staged. Requires: Staged(), and no other installer is in use.
  [[nodiscard]] virtual std::unique_ptr<Installer> ResumeInstaller() = 0;
};

}  // namespace metasrv::sm
