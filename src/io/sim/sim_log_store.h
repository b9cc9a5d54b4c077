#pragma once

#include "io/log_store.h"
#include "io/sim/sim_disk.h"

namespace metasrv::io {

// One process's handle on the log of a disk. At most one at a time; when it goes, pending completions are forgotten
// while the operations themselves go on.
class SimLogStore : public LogStore {
 public:
  // `loop` runs the completions. Both outlive the store.
  SimLogStore(SimDisk& disk, EventLoop& loop);
  ~SimLogStore() override;
  SimLogStore(const SimLogStore&) = delete;
  SimLogStore& operator=(const SimLogStore&) = delete;

  [[nodiscard]] std::expected<LogContents, Error> Visit(const Visitor& visit) const override;
  void Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) const override;
  [[nodiscard]] std::unique_ptr<EntryCursor> Scan(LogIndex begin, LogIndex end) const override;
  void Write(LogBatch batch, Done done) override;
  [[nodiscard]] LogStats Stats() const override;
  [[nodiscard]] std::optional<std::uint64_t> FreeBytes() const override { return disk_.free_bytes(); }

 private:
  SimDisk& disk_;
};

}  // namespace metasrv::io
