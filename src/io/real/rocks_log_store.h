#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "io/event_loop.h"
#include "io/log_store.h"

namespace rocksdb {
class Env;
}

namespace metasrv::io {

struct RocksLogOptions {
  std::string directory;  // created when missing
  bool sync = true;       // false: a power cut loses acknowledged writes; the death of the process alone does not
  std::size_t memtable_bytes = std::size_t{64} << 20U;
  std::size_t group_bytes_max = std::size_t{4} << 20U;  // what one sync carries, unless one batch is larger
  // With less free space than this, batches that append entries are refused: room for what must still be written.
  std::uint64_t free_bytes_min = std::uint64_t{128} << 20U;
  rocksdb::Env* env = nullptr;  // not owned; null: the operating system's
};

// The Raft log in a RocksDB of its own (docs/STORAGE.md). One sync is in flight (log_writer.h); everything issued
// meanwhile becomes the next one. Entries live in memory until 64 MiB of them were written, then in sorted files.
class RocksLogStore final : public LogStore {
 public:
  // `loop` runs the completions and must outlive the store.
  // Errors: kCorrupt, kIo, kNoSpace, kIncompatible.
  [[nodiscard]] static std::expected<std::unique_ptr<RocksLogStore>, Error> Open(const RocksLogOptions& options,
                                                                                 EventLoop& loop);
  // Writes what was issued, then closes. Completions that have not run by then never do.
  // Requires: called on the loop, or after it stopped.
  ~RocksLogStore() override;
  RocksLogStore(const RocksLogStore&) = delete;
  RocksLogStore& operator=(const RocksLogStore&) = delete;

  [[nodiscard]] std::expected<LogContents, Error> Visit(const Visitor& visit) const override;
  void Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) const override;
  [[nodiscard]] std::unique_ptr<EntryCursor> Scan(LogIndex begin, LogIndex end) const override;
  void Write(LogBatch batch, Done done) override;
  [[nodiscard]] LogStats Stats() const override;
  [[nodiscard]] std::optional<std::uint64_t> FreeBytes() const override;

 private:
  class Impl;
  explicit RocksLogStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::io
