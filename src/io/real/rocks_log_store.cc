#include "io/real/rocks_log_store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "common/check.h"
#include "io/real/log_plan.h"
#include "io/real/log_writer.h"
#include "io/real/rocks_db.h"
#include "io/real/rocks_log_rows.h"
#include "io/real/rocks_status.h"
#include "io/real/thread_name.h"
#include "io/real/wal_env.h"
#include "io/real/wal_tail.h"
#include "io/real/worker.h"

namespace metasrv::io {
namespace {

rocksdb::Options LogDbOptions(const RocksLogOptions& options, rocksdb::Env& env) {
  rocksdb::Options db = BaseOptions(&env);
  // A record that was being written when the power went is dropped (CutWalTail); damage anywhere else is an error.
  // Point-in-time recovery would cut the log at the damage (docs/STORAGE.md, K7).
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;
  db.write_buffer_size = options.memtable_bytes;
  db.max_write_buffer_number = 3;
  db.compression = rocksdb::kNoCompression;
  // A start must not depend on free space for a flush, and everything acknowledged is in the synced WAL anyway.
  db.avoid_flush_during_recovery = true;
  db.avoid_flush_during_shutdown = true;
  db.allow_concurrent_memtable_write = false;
  return db;
}

}  // namespace

class RocksLogStore::Impl {
 public:
  Impl(const RocksLogOptions& options, EventLoop& loop, std::shared_ptr<WalEnv> env, std::shared_ptr<rocksdb::DB> db,
       const LogHead& head, std::optional<LogId> purged)
      : options_(options),
        loop_(loop),
        env_(std::move(env)),
        db_(std::move(db)),
        alive_(std::make_shared<bool>(true)),
        extent_(head.extent),
        number_(head.number),
        purged_(purged),
        writer_({options.directory, options.sync, options.group_bytes_max}, loop, *db_) {}

  void Write(LogBatch batch, Done done) {
    auto refusal = Refuse(batch);
    LogPlan plan = refusal ? LogPlan() : Plan(std::move(batch));
    writer_.Add(std::move(plan), std::move(refusal), std::move(done));
  }

  void Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) {
    reader_.Add([this, alive = std::weak_ptr(alive_), begin, end, bytes_max, done = std::move(done)]() mutable {
      auto entries = ReadEntries(*db_, begin, end, bytes_max);
      loop_.Post([alive = std::move(alive), entries = std::move(entries), done = std::move(done)]() mutable {
        if (!alive.expired()) done(std::move(entries));
      });
    });
  }

  [[nodiscard]] std::unique_ptr<EntryCursor> Scan(LogIndex begin, LogIndex end) const {
    return ScanEntries(db_, begin, end);
  }

  std::expected<LogContents, Error> Visit(const Visitor& visit) {
    if (auto idle = writer_.WaitUntilIdle(); !idle) return std::unexpected(idle.error());
    return ReadLog(*db_, visit);
  }

  [[nodiscard]] std::optional<std::uint64_t> FreeBytes() const {
    std::uint64_t free = 0;
    const rocksdb::Status status = db_->GetEnv()->GetFreeSpace(options_.directory, &free);
    return status.ok() ? std::optional(free) : std::nullopt;
  }

  LogStats Stats() {
    LogStats stats;
    rocksdb::VectorLogPtr files;
    if (db_->GetSortedWalFiles(files).ok()) {
      // The last one is being written, into space that it already has.
      for (std::size_t i = 0; i + 1 < files.size(); ++i) stats.closed_wal_bytes.push_back(files[i]->SizeFileBytes());
      stats.wal_bytes =
          std::reduce(stats.closed_wal_bytes.begin(), stats.closed_wal_bytes.end(), env_->newest_wal_bytes());
    }
    stats.wal_offset = writer_.written_bytes();
    stats.entry_count = extent_.Count();
    return stats;
  }

 private:
  // K12: growth is refused before anything was touched. Later batches would stand on what is not there, so the first
  // refusal is the last word of this store.
  std::optional<Error> Refuse(const LogBatch& batch) {
    if (!refused_ && !batch.append.empty()) {
      const std::optional<std::uint64_t> free = FreeBytes();
      refused_ = free && *free < options_.free_bytes_min;
    }
    if (!refused_) return std::nullopt;
    return Error{ErrorKind::kNoSpace, options_.directory + ": less than " + std::to_string(options_.free_bytes_min) +
                                          " bytes of disk space are left"};
  }

  LogPlan Plan(LogBatch batch) {
    LogPlan plan = MakeLogPlan(std::move(batch), extent_, purged_);
    plan.number = ++number_;
    extent_ = plan.after;
    if (plan.purged) purged_ = plan.purged;
    return plan;
  }

  const RocksLogOptions options_;
  EventLoop& loop_;
  const std::shared_ptr<WalEnv> env_;
  const std::shared_ptr<rocksdb::DB> db_;  // keeps the environment, too
  std::shared_ptr<bool> alive_;

  // Of the loop: the log as it is once everything issued has been written.
  LogExtent extent_;
  std::uint64_t number_;
  std::optional<LogId> purged_;
  bool refused_ = false;

  LogWriter writer_;
  Worker reader_;  // reads do not wait behind syncs
};

std::expected<std::unique_ptr<RocksLogStore>, Error> RocksLogStore::Open(const RocksLogOptions& options,
                                                                         EventLoop& loop) {
  const auto env = std::make_shared<WalEnv>(options.env != nullptr ? *options.env : *rocksdb::Env::Default());
  if (auto cut = CutWalTail(*env->GetFileSystem(), options.directory); !cut) return std::unexpected(cut.error());
  auto opened = OpenDb(LogDbOptions(options, *env), options.directory);
  if (!opened) return std::unexpected(opened.error());
  std::shared_ptr<rocksdb::DB> db(opened->release(), [env](rocksdb::DB* closing) { delete closing; });
  const auto head = ReadHead(*db);
  if (!head) return std::unexpected(head.error());
  const auto purged = ReadPurged(*db);
  if (!purged) return std::unexpected(purged.error());
  return std::unique_ptr<RocksLogStore>(
      new RocksLogStore(std::make_unique<Impl>(options, loop, env, std::move(db), *head, *purged)));
}

RocksLogStore::RocksLogStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksLogStore::~RocksLogStore() = default;

std::expected<LogContents, Error> RocksLogStore::Visit(const Visitor& visit) const { return impl_->Visit(visit); }
void RocksLogStore::Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) const {
  impl_->Read(begin, end, bytes_max, std::move(done));
}
std::unique_ptr<EntryCursor> RocksLogStore::Scan(LogIndex begin, LogIndex end) const { return impl_->Scan(begin, end); }
void RocksLogStore::Write(LogBatch batch, Done done) { impl_->Write(std::move(batch), std::move(done)); }
LogStats RocksLogStore::Stats() const { return impl_->Stats(); }
std::optional<std::uint64_t> RocksLogStore::FreeBytes() const { return impl_->FreeBytes(); }

}  // namespace metasrv::io
