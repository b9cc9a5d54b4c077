#include "io/real/wal_env.h"

#include <rocksdb/file_system.h>

#include <memory>
#include <string>
#include <utility>

namespace metasrv::io {
namespace {

using Count = std::shared_ptr<std::atomic<std::uint64_t>>;

class CountedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  CountedFile(std::unique_ptr<rocksdb::FSWritableFile> target, Count bytes)
      : FSWritableFileOwnerWrapper(std::move(target)), bytes_(std::move(bytes)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    *bytes_ += data.size();
    return target()->Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification, rocksdb::IODebugContext* debug) override {
    *bytes_ += data.size();
    return target()->Append(data, options, verification, debug);
  }

 private:
  const Count bytes_;
};

class WalFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  WalFileSystem(const std::shared_ptr<rocksdb::FileSystem>& target, Count newest_wal_bytes)
      : FileSystemWrapper(target), newest_wal_bytes_(std::move(newest_wal_bytes)) {}

  [[nodiscard]] const char* Name() const override { return "WalFileSystem"; }

  rocksdb::FileOptions OptimizeForLogWrite(const rocksdb::FileOptions& options,
                                           const rocksdb::DBOptions& db_options) const override {
    rocksdb::FileOptions optimized = target()->OptimizeForLogWrite(options, db_options);
    optimized.fallocate_with_keep_size = false;
    return optimized;
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok() && name.ends_with(".log")) {
      *newest_wal_bytes_ = 0;
      *file = std::make_unique<CountedFile>(std::move(*file), newest_wal_bytes_);
    }
    return status;
  }

 private:
  const Count newest_wal_bytes_;
};

}  // namespace

WalEnv::WalEnv(rocksdb::Env& base)
    : EnvWrapper(&base), newest_wal_bytes_(std::make_shared<std::atomic<std::uint64_t>>(0)) {
  file_system_ = std::make_shared<WalFileSystem>(base.GetFileSystem(), newest_wal_bytes_);
  system_clock_ = base.GetSystemClock();
}

std::uint64_t WalEnv::newest_wal_bytes() const { return *newest_wal_bytes_; }

}  // namespace metasrv::io
