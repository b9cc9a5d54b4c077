#include "io/real/rocks_log_store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "common/check.h"
#include "io/real/log_plan.h"
#include "io/real/rocks_db.h"
#include "io/real/rocks_log_rows.h"
#include "io/real/rocks_status.h"
#include "io/real/thread_name.h"
#include "io/real/worker.h"

namespace metasrv::io {
namespace {

rocksdb::Options LogDbOptions(const RocksLogOptions& options) {
  rocksdb::Options db = BaseOptions(options.env);
  // A record that was being written when the power went is dropped; damage anywhere else is an error. Point-in-time
  // recovery would cut the log at the damage, absolute consistency would refuse every power cut (docs/STORAGE.md, K7).
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

using Outcome = std::expected<void, Error>;

}  // namespace

class RocksLogStore::Impl {
 public:
  Impl(const RocksLogOptions& options, EventLoop& loop, std::shared_ptr<rocksdb::DB> db, const LogHead& head,
       std::optional<LogId> purged)
      : options_(options),
        loop_(loop),
        db_(std::move(db)),
        alive_(std::make_shared<bool>(true)),
        extent_(head.extent),
        number_(head.number),
        purged_(purged),
        writer_([this] { WriterLoop(); }) {}

  ~Impl() {
    alive_.reset();
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_.notify_one();
    writer_.join();
  }

  void Write(LogBatch batch, Done done) {
    Item item{.plan = {}, .refusal = Refuse(batch), .done = std::move(done)};
    if (!item.refusal) item.plan = Plan(std::move(batch));
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(item));
    }
    work_.notify_one();
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
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return queue_.empty() && !writing_; });
    if (failure_) return std::unexpected(Poisoned());
    lock.unlock();
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
      for (const auto& file : files) stats.wal_bytes += file->SizeFileBytes();
    }
    const std::lock_guard lock(mutex_);
    stats.wal_offset = written_bytes_;
    stats.entry_count = extent_.Count();
    return stats;
  }

 private:
  struct Item {
    LogPlan plan;
    std::optional<Error> refusal;  // it takes no effect and is answered in its turn
    Done done;
  };
  using Group = std::vector<Item>;
  struct Answer {
    Done done;
    Outcome outcome;
  };

  // --- On the loop ---

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

  // --- On the writer thread ---

  void WriterLoop() {
    NameThisThread("raft-log");
    for (Group group = NextGroup(); !group.empty(); group = NextGroup()) {
      Report(WriteGroup(std::move(group)));
    }
  }

  // Everything that was issued while the last group was written, up to the size limit. Empty: stop.
  Group NextGroup() {
    std::unique_lock lock(mutex_);
    writing_ = false;
    if (queue_.empty()) idle_.notify_all();
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    Group group;
    std::size_t bytes = 0;
    while (!queue_.empty() && (group.empty() || bytes + queue_.front().plan.ByteSize() <= options_.group_bytes_max)) {
      bytes += queue_.front().plan.ByteSize();
      group.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    writing_ = true;
    return group;
  }

  std::vector<Answer> WriteGroup(Group group) {
    const rocksdb::Status status = failure_ ? rocksdb::Status::OK() : WriteRows(group);
    std::vector<Answer> answers;
    for (Item& item : group) answers.push_back({std::move(item.done), OutcomeOf(item, status)});
    return answers;
  }

  // The first batch that fails gets the reason, all later ones learn that the store is poisoned.
  Outcome OutcomeOf(const Item& item, const rocksdb::Status& status) {
    if (failure_) return std::unexpected(Poisoned());
    if (item.refusal) return std::unexpected(Poison(*item.refusal));
    if (!status.ok()) return std::unexpected(Poison(ToError(status, "write raft log in " + options_.directory)));
    return {};
  }

  rocksdb::Status WriteRows(const Group& group) {
    rocksdb::WriteBatch rows;
    rocksdb::Status status;
    for (const Item& item : group) {
      if (status.ok() && !item.refusal) status = AddToBatch(item.plan, rows);
    }
    if (!status.ok() || rows.Count() == 0) return status;
    rocksdb::WriteOptions write;
    write.sync = options_.sync;
    const std::size_t bytes = rows.GetDataSize();
    status = db_->Write(write, &rows);
    if (status.ok()) {
      const std::lock_guard lock(mutex_);
      written_bytes_ += bytes;
    }
    return status;
  }

  Error Poison(Error error) {
    const std::lock_guard lock(mutex_);
    failure_ = error;
    return error;
  }

  // Requires: failure_ is set, and so for good.
  [[nodiscard]] Error Poisoned() const { return Error{ErrorKind::kPoisoned, "after: " + failure_->detail}; }

  void Report(std::vector<Answer> answers) {
    loop_.Post([alive = std::weak_ptr(alive_), answers = std::move(answers)]() mutable {
      for (Answer& answer : answers) {
        // Asked before each one: a completion may destroy the store.
        if (alive.expired()) return;
        if (answer.done) answer.done(std::move(answer.outcome));
      }
    });
  }

  const RocksLogOptions options_;
  EventLoop& loop_;
  const std::shared_ptr<rocksdb::DB> db_;
  std::shared_ptr<bool> alive_;

  // Of the loop: the log as it is once everything issued has been written.
  LogExtent extent_;
  std::uint64_t number_;
  std::optional<LogId> purged_;
  bool refused_ = false;

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable idle_;
  std::deque<Item> queue_;
  bool writing_ = false;
  bool stopping_ = false;
  std::optional<Error> failure_;  // set once, by the writer thread, under the mutex
  std::uint64_t written_bytes_ = 0;

  std::thread writer_;
  Worker reader_;  // reads do not wait behind syncs
};

std::expected<std::unique_ptr<RocksLogStore>, Error> RocksLogStore::Open(const RocksLogOptions& options,
                                                                         EventLoop& loop) {
  auto db = OpenDb(LogDbOptions(options), options.directory);
  if (!db) return std::unexpected(db.error());
  const auto head = ReadHead(**db);
  if (!head) return std::unexpected(head.error());
  const auto purged = ReadPurged(**db);
  if (!purged) return std::unexpected(purged.error());
  return std::unique_ptr<RocksLogStore>(
      new RocksLogStore(std::make_unique<Impl>(options, loop, *std::move(db), *head, *purged)));
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
