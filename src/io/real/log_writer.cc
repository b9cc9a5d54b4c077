#include "io/real/log_writer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "io/real/rocks_log_rows.h"
#include "io/real/rocks_status.h"
#include "io/real/thread_name.h"

namespace metasrv::io {
namespace {

// A sync that takes this long on average is waited for by nobody but the writer's own thread.
constexpr std::int64_t kQuickSyncMicros = 1000;
// Weight of a new sample in the average: 1 / kWeight.
constexpr std::int64_t kWeight = 8;

}  // namespace

LogWriter::LogWriter(Options options, EventLoop& loop, rocksdb::DB& db)
    : options_(std::move(options)),
      loop_(loop),
      db_(db),
      life_(std::make_shared<bool>(true)),
      alive_(life_),
      sync_micros_(2 * kQuickSyncMicros),
      thread_([this] { Run(); }) {}

LogWriter::~LogWriter() {
  life_.reset();
  GiveAsideToThread();
  {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !aside_; });
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

// --- On the loop ---

void LogWriter::Add(LogPlan plan, std::optional<Error> refusal, LogStore::Done done) {
  bool wake = false;
  bool aside = false;
  {
    const std::lock_guard lock(mutex_);
    aside = MayWriteAside(plan);
    aside_ = aside_ || aside;
    wake = !aside_ && !writing_;
    queue_.push_back({std::move(plan), std::move(refusal), std::move(done)});
  }
  if (aside && !TakeAside()) return GiveAsideToThread();
  if (wake) work_.notify_one();
}

bool LogWriter::MayWriteAside(const LogPlan& plan) const {
  return !plan.batch.in_background && !aside_ && !writing_ && queue_.empty() && sync_micros_ < kQuickSyncMicros;
}

bool LogWriter::TakeAside() {
  aside_taken_ = std::make_shared<std::atomic<bool>>(false);
  Task task = [this, taken = aside_taken_] {
    if (!taken->exchange(true)) WriteAside();
  };
  return loop_.RunAside(task);
}

// Unless it has begun. Whoever waits on the loop would wait for ever: the loop is not let go of before.
void LogWriter::GiveAsideToThread() {
  if (aside_taken_ == nullptr || aside_taken_->exchange(true)) return;
  {
    const std::lock_guard lock(mutex_);
    aside_ = false;
  }
  work_.notify_one();
}

std::expected<void, Error> LogWriter::WaitUntilIdle() {
  GiveAsideToThread();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return queue_.empty() && !writing_ && !aside_; });
  if (failure_) return std::unexpected(Poisoned());
  return {};
}

std::uint64_t LogWriter::written_bytes() const {
  const std::lock_guard lock(mutex_);
  return written_bytes_;
}

// --- On whichever thread writes ---

void LogWriter::Run() {
  NameThisThread("raft-log");
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return !aside_ && (stopping_ || !queue_.empty()); });
    if (queue_.empty()) return;
    writing_ = true;
    Group group = NextGroup();
    lock.unlock();
    WriteAndReport(std::move(group));
    lock.lock();
    writing_ = false;
    if (queue_.empty()) idle_.notify_all();
  }
}

// One group only: this thread has other things to do.
void LogWriter::WriteAside() {
  std::unique_lock lock(mutex_);
  writing_ = true;
  Group group = NextGroup();
  lock.unlock();
  WriteAndReport(std::move(group));
  lock.lock();
  writing_ = false;
  aside_ = false;
  // Under the mutex: the writer may be gone as soon as it is let go of.
  idle_.notify_all();
  if (!queue_.empty()) work_.notify_one();
}

// Everything that was added while the last group was written, up to the size limit. Requires: the mutex.
LogWriter::Group LogWriter::NextGroup() {
  Group group;
  std::size_t bytes = 0;
  while (!queue_.empty() && (group.empty() || bytes + queue_.front().plan.ByteSize() <= options_.group_bytes_max)) {
    bytes += queue_.front().plan.ByteSize();
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void LogWriter::WriteAndReport(Group group) {
  const rocksdb::Status status = failure_ ? rocksdb::Status::OK() : WriteRows(group);
  std::vector<Answer> answers;
  for (Item& item : group) answers.push_back({std::move(item.done), OutcomeOf(item, status)});
  loop_.Dispatch([alive = alive_, answers = std::move(answers)]() mutable {
    if (alive.expired()) return;
    for (Answer& answer : answers) {
      if (answer.done) answer.done(std::move(answer.outcome));
    }
  });
}

// The first batch that fails gets the reason, all later ones learn that the store is poisoned.
LogWriter::Outcome LogWriter::OutcomeOf(const Item& item, const rocksdb::Status& status) {
  if (failure_) return std::unexpected(Poisoned());
  if (item.refusal) return std::unexpected(Poison(*item.refusal));
  if (!status.ok()) return std::unexpected(Poison(ToError(status, "write raft log in " + options_.directory)));
  return {};
}

rocksdb::Status LogWriter::WriteRows(const Group& group) {
  rocksdb::WriteBatch rows;
  rocksdb::Status status;
  for (const Item& item : group) {
    if (status.ok() && !item.refusal) status = AddToBatch(item.plan, rows);
  }
  if (!status.ok() || rows.Count() == 0) return status;
  rocksdb::WriteOptions write;
  write.sync = options_.sync;
  const std::size_t bytes = rows.GetDataSize();
  const auto start = std::chrono::steady_clock::now();
  status = db_.Write(write, &rows);
  const auto took = std::chrono::steady_clock::now() - start;
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  written_bytes_ += bytes;
  // One sync that took long must not count for more than a few that did.
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  sync_micros_ += (std::min<std::int64_t>(micros, 4 * kQuickSyncMicros) - sync_micros_) / kWeight;
  return status;
}

Error LogWriter::Poison(Error error) {
  const std::lock_guard lock(mutex_);
  failure_ = error;
  return error;
}

// Requires: failure_ is set, and so for good.
Error LogWriter::Poisoned() const { return Error{ErrorKind::kPoisoned, "after: " + failure_->detail}; }

}  // namespace metasrv::io
