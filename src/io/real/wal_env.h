#pragma once

#include <rocksdb/env.h>

#include <atomic>
#include <cstdint>
#include <memory>

namespace metasrv::io {

// An environment whose write-ahead logs get their space, filled with zeros by the file system, before they are written.
// Their size does not change with every record then, so that a sync need not write the file's inode, too. What is
// behind the last record of such a file is CutWalTail's business (wal_tail.h).
class WalEnv final : public rocksdb::EnvWrapper {
 public:
  // `base` outlives this.
  explicit WalEnv(rocksdb::Env& base);

  // Bytes of records in the newest write-ahead log; its size says what was reserved.
  [[nodiscard]] std::uint64_t newest_wal_bytes() const;

 private:
  const std::shared_ptr<std::atomic<std::uint64_t>> newest_wal_bytes_;
};

}  // namespace metasrv::io
