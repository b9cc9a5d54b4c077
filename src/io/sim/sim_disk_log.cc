// The log half of SimDisk: group commit with one sync in flight, and what a crash leaves.

#include <iterator>
#include <string>
#include <utility>

#include "common/check.h"
#include "io/sim/sim_disk.h"

namespace metasrv::io {
namespace {

constexpr DrawKind kSync("disk.sync");
constexpr DrawKind kSlow("disk.slow_sync");
constexpr DrawKind kSyncError("disk.sync_error");
constexpr DrawKind kRead("disk.read");
constexpr DrawKind kSlowRead("disk.slow_read");
constexpr DrawKind kReadDelay("disk.read_delay");
constexpr DrawKind kEarlyRead("disk.early_read");
constexpr DrawKind kPrefix("disk.log_prefix");
constexpr DrawKind kTorn("disk.torn");
constexpr std::uint32_t kTornPpm = 500'000;

std::uint64_t BytesOf(const LogBatch& batch) {
  std::uint64_t bytes = 32;  // what a record costs without its entries, roughly
  for (const Entry& entry : batch.append) bytes += entry.ByteSize();
  return bytes;
}

LogBatch Damaged(LogBatch batch) {
  if (!batch.append.empty()) {
    batch.append.pop_back();
  } else {
    batch = LogBatch();
  }
  return batch;
}

std::expected<void, Error> ResultOf(const LogOp& op, const std::string& where) {
  if (!op.refused) return {};
  return std::unexpected(Error{*op.refused, where + ": " + ToString(*op.refused)});
}

}  // namespace

void SimDisk::AttachLog(const void* handle, EventLoop& loop) {
  CHECK(log_process_.handle == nullptr);
  // A store that failed starts again from whatever the failure left.
  if (log_.poisoned) CrashLog();
  RecoverTornRecord();
  SettleLog();
  log_process_ = {handle, &loop};
  ++log_opens_;
  log_.stats.wal_offset = 0;
}

void SimDisk::DetachLog(const void* handle) {
  if (log_process_.handle != handle) return;
  log_process_ = {};
  for (LogOp& op : log_.pending) op.done = nullptr;
}

std::expected<LogContents, Error> SimDisk::VisitLog(const LogStore::Visitor& visit) const {
  if (corrupt_) return std::unexpected(Error{ErrorKind::kCorrupt, "log of n" + std::to_string(node_.value())});
  LogContents contents = log_.issued.ToContents();
  for (Entry& entry : std::exchange(contents.entries, {})) visit(std::move(entry));
  return contents;
}

// A read takes its time, and sees the disk as it is in the end: writes that were issued after it may be in or not.
void SimDisk::ReadLog(const void* handle, LogRange range, LogStore::ReadDone done) {
  if (log_process_.handle != handle) return;
  const std::uint64_t number = log_reads_++;
  Draws& draws = world_.draws();
  Duration latency = draws.BetweenAt(kRead, ActorOf(node_), number, faults_.read_min, faults_.read_max);
  if (draws.ChanceAt(kSlowRead, ActorOf(node_), number, faults_.read_slow_ppm)) {
    latency = latency + draws.BetweenAt(kReadDelay, ActorOf(node_), number, Duration(), faults_.read_slow_max);
  }
  // The disk is read at some time between the question and the answer: at either end.
  std::optional<std::vector<Entry>> early;
  if (draws.ChanceAt(kEarlyRead, ActorOf(node_), number, 500'000) || reads_held_) early = Slice(range);
  Task answer = [this, opened = log_opens_, range, early = std::move(early), done = std::move(done)]() mutable {
    if (log_process_.handle == nullptr || log_opens_ != opened) return;
    log_process_.loop->Post([entries = early ? std::move(*early) : Slice(range), done = std::move(done)]() mutable {
      done(std::move(entries));
    });
  };
  Schedule(latency, range.begin.value(), [this, answer = std::move(answer)]() mutable {
    reads_held_ ? held_reads_.push_back(std::move(answer)) : answer();
  });
}

std::vector<Entry> SimDisk::Slice(const LogRange& range) const {
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  for (LogIndex index = range.begin; index < range.end; index = index.Next()) {
    const Entry* entry = log_.durable.Find(index);
    if (entry == nullptr) break;
    bytes += entry->ByteSize();
    if (!entries.empty() && bytes > range.bytes_max) break;
    entries.push_back(*entry);
  }
  return entries;
}

std::optional<ErrorKind> SimDisk::Refuse(const LogBatch& batch) {
  if (log_.poisoned) return ErrorKind::kPoisoned;
  if (!full_ || batch.append.empty()) return std::nullopt;
  log_.poisoned = true;
  return ErrorKind::kNoSpace;
}

void SimDisk::WriteLog(const void* handle, LogBatch batch, LogStore::Done done) {
  if (log_process_.handle != handle) return;
  world_.Mix(DigestOf(batch));
  const std::optional<ErrorKind> refused = Refuse(batch);
  if (!refused) {
    log_.issued.Apply(batch);
    log_.stats.wal_offset += BytesOf(batch);
    log_.stats.wal_bytes += BytesOf(batch);
  }
  log_.pending.push_back({std::move(batch), refused, std::move(done)});
  Observe(DiskStep::kLogIssued);
  if (log_event_ == 0 && !log_due_) StartLogSync();
}

void SimDisk::StartLogSync() {
  if (log_.pending.empty()) return;
  log_.in_flight = log_.pending.size();
  const Duration latency = Latency(kSync, kSlow, log_syncs_++, faults_.sync_min, faults_.sync_max);
  log_event_ = Schedule(latency, log_.in_flight, [this] { LogSyncDue(); });
}

void SimDisk::LogSyncDue() {
  log_event_ = 0;
  if (stalled_) {
    log_due_ = true;
  } else if (Fails(kSyncError, log_syncs_ - 1, fail_log_)) {
    LogSyncFailed();
  } else {
    LogSyncDone();
  }
}

void SimDisk::LogSyncDone() {
  std::vector<LogOp> finished;
  finished.reserve(log_.in_flight);
  for (; log_.in_flight > 0; --log_.in_flight) {
    LogOp& op = log_.pending.front();
    if (!op.refused) log_.durable.Apply(op.batch);
    finished.push_back(std::move(op));
    log_.pending.pop_front();
  }
  world_.Note(MarkKind::kDurable, node_, {}, finished.size(), log_.durable.end().value());
  Answer(std::move(finished));
  StartLogSync();
  Observe(DiskStep::kLogDurable);
}

void SimDisk::LogSyncFailed() {
  log_.poisoned = true;
  std::vector<LogOp> failed(std::make_move_iterator(log_.pending.begin()), std::make_move_iterator(log_.pending.end()));
  log_.pending.clear();
  for (std::size_t i = 0; i < failed.size(); ++i) {
    if (failed[i].refused) continue;
    log_.undecided.push_back(failed[i].batch);
    failed[i].refused = i < log_.in_flight ? ErrorKind::kIo : ErrorKind::kPoisoned;
  }
  log_.in_flight = 0;
  Answer(std::move(failed));
  Observe(DiskStep::kLogFailed);
}

void SimDisk::Answer(std::vector<LogOp> ops) {
  if (log_process_.handle == nullptr) return;
  log_process_.loop->Post([ops = std::move(ops)]() mutable {
    for (LogOp& op : ops) {
      if (op.done) op.done(ResultOf(op, "log"));
    }
  });
}

std::vector<LogBatch> SimDisk::TakeUnsynced() {
  std::vector<LogBatch> unsynced(std::make_move_iterator(log_.undecided.begin()),
                                 std::make_move_iterator(log_.undecided.end()));
  for (LogOp& op : log_.pending) {
    if (!op.refused) unsynced.push_back(std::move(op.batch));
  }
  log_.undecided.clear();
  log_.pending.clear();
  return unsynced;
}

void SimDisk::CrashLog() {
  world_.Cancel(std::exchange(log_event_, 0));
  const std::vector<LogBatch> unsynced = TakeUnsynced();
  Draws& draws = world_.draws();
  const std::uint64_t kept = draws.Between(kPrefix, ActorOf(node_), 0, unsynced.size());
  for (std::uint64_t i = 0; i < kept; ++i) log_.durable.Apply(unsynced[i]);
  const bool torn = draws.Chance(kTorn, ActorOf(node_), faults_.torn_writes ? kTornPpm : 0);
  if (torn && kept < unsynced.size()) {
    log_.torn = Damaged(unsynced[kept]);
    log_.torn_checksum = ChecksumOf(unsynced[kept]);
  }
  log_.issued = log_.durable;
  log_.in_flight = 0;
  log_.poisoned = false;
  log_due_ = false;
  world_.Note(MarkKind::kDurable, node_, {}, kept, log_.durable.end().value());
}

// Opening makes what it finds durable before it shows it: what a dead process wrote and nobody synced is still there.
void SimDisk::SettleLog() {
  if (log_.pending.empty()) return;
  world_.Cancel(std::exchange(log_event_, 0));
  const std::vector<LogBatch> unsynced = TakeUnsynced();
  for (const LogBatch& batch : unsynced) log_.durable.Apply(batch);
  log_.in_flight = 0;
  log_due_ = false;
  world_.Note(MarkKind::kDurable, node_, {}, unsynced.size(), log_.durable.end().value());
}

// Opening reads one record past the whole ones; only a record that proves itself counts, and only as a whole (K4).
void SimDisk::RecoverTornRecord() {
  if (!log_.torn) return;
  if (ChecksumOf(*log_.torn) == log_.torn_checksum) {
    log_.durable.Apply(*log_.torn);
    log_.issued.Apply(*log_.torn);
  }
  log_.torn.reset();
}

}  // namespace metasrv::io
