#include "io/real/rocks_db.h"

#include <rocksdb/listener.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "io/real/rocks_status.h"

namespace metasrv::io {
namespace {

// A store that failed stays failed (docs/STORAGE.md, K6). RocksDB would try again by itself when the disk was full, on
// a thread of its own, beside the node that is stopping.
class FailStop final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

}  // namespace

rocksdb::Options BaseOptions(rocksdb::Env* env) {
  rocksdb::Options options;
  if (env != nullptr) options.env = env;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.max_bgerror_resume_count = 0;
  options.listeners.push_back(std::make_shared<FailStop>());
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.keep_log_file_num = 2;
  options.max_log_file_size = std::size_t{1} << 20U;
  options.info_log_level = rocksdb::WARN_LEVEL;
  return options;
}

std::expected<std::unique_ptr<rocksdb::DB>, Error> OpenDb(const rocksdb::Options& options,
                                                          const std::string& directory) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, directory, &db);
  if (!status.ok()) return std::unexpected(ToError(status, "open " + directory));
  return std::unique_ptr<rocksdb::DB>(db);
}

void DieOfBadRead(const rocksdb::Status& status, const std::string& what) {
  const Error error = ToError(status, what);
  std::fprintf(stderr, "fatal: %s: %s\n", ToString(error.kind), error.detail.c_str());
  std::abort();
}

}  // namespace metasrv::io
