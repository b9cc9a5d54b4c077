#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/error.h"
#include "io/event_loop.h"
#include "sm/store.h"

namespace rocksdb {
class Env;
}

namespace metasrv::io {

struct RocksStateOptions {
  std::string directory;  // created when missing
  std::size_t block_cache_bytes = std::size_t{64} << 20U;
  std::size_t row_cache_bytes = std::size_t{64} << 20U;
  std::size_t memtable_bytes = std::size_t{32} << 20U;
  rocksdb::Env* env = nullptr;  // not owned; null: the operating system's
  // Called on the loop when more has become durable, behind the completion of the flush or the install; may be empty.
  std::function<void()> on_durable;
};

// What the state takes on disk; what is not flushed yet does not count.
struct StateFileStats {
  std::uint64_t data_bytes = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t rows = 0;          // deleted and replaced ones included, until they are compacted away
  std::uint64_t cache_hits = 0;    // blocks of data found in the block cache since the start ...
  std::uint64_t cache_misses = 0;  // ... and read from a file
};

// The state machine's storage in a RocksDB of its own (docs/STORAGE.md). No write-ahead log: flushes happen in the
// order of the writes, so the disk always holds the effect of a prefix of the batches, and the Raft log replays the
// rest.
//
// Rows carry the number of the generation they belong to; an installed snapshot is a new generation, and replacing the
// state is one batch that makes it the current one.
class RocksStateStore final : public sm::Store {
 public:
  // `loop` runs the completions and must outlive the store.
  // Errors: kCorrupt, kIo, kNoSpace, kIncompatible.
  [[nodiscard]] static std::expected<std::unique_ptr<RocksStateStore>, Error> Open(const RocksStateOptions& options,
                                                                                   EventLoop& loop);
  // Flushes what was written, unless the store is poisoned. Completions that have not run by then never do. Requires:
  // snapshots, iterators and installers are gone; called on the loop, or after it stopped.
  ~RocksStateStore() override;
  RocksStateStore(const RocksStateStore&) = delete;
  RocksStateStore& operator=(const RocksStateStore&) = delete;

  [[nodiscard]] std::optional<std::string> Get(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<sm::Iterator> Scan(std::string_view lower, std::string_view upper) const override;
  [[nodiscard]] bool Write(sm::WriteBatch batch) override;
  void Flush(std::move_only_function<void(bool ok)> done) override;
  [[nodiscard]] std::shared_ptr<const sm::Snapshot> NewSnapshot() const override;
  // The installed rows are visible as soon as Commit returns, durable when it calls back.
  [[nodiscard]] std::unique_ptr<sm::Installer> NewInstaller() override;
  [[nodiscard]] std::optional<std::string> Staged() const override;
  [[nodiscard]] std::unique_ptr<sm::Installer> ResumeInstaller() override;

  // Thread-safe; cheap enough for every scrape of the metrics.
  [[nodiscard]] StateFileStats FileStats() const;

  // What the first disk error was; none while the store is well. For the operator.
  [[nodiscard]] std::optional<Error> failure() const;

 private:
  class Impl;
  class Install;
  explicit RocksStateStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::io
