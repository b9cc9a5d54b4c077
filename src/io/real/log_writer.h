#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/event_loop.h"
#include "io/log_store.h"
#include "io/real/log_plan.h"

namespace metasrv::io {

// Writes the log's batches in the order in which they were added, with one sync in flight; everything that was added
// meanwhile becomes the next one. That is the work of a thread of its own, but while the disk is quick, a batch that
// is waited for and finds nothing being written is written by the thread that added it, as soon as that one has let go
// of the loop (EventLoop::RunAside): waking a thread takes about as long as such a sync.
class LogWriter {
 public:
  struct Options {
    std::string directory;  // for error texts
    bool sync = true;
    std::size_t group_bytes_max = 0;
  };
  // `loop` runs the completions; it and `db` outlive the writer.
  LogWriter(Options options, EventLoop& loop, rocksdb::DB& db);
  // Writes what was added. Completions that have not run by then never do. Requires: not called by a completion.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Writes `plan`, or answers `refusal` in its turn. Requires: called on the loop.
  void Add(LogPlan plan, std::optional<Error> refusal, LogStore::Done done);

  // Waits until everything that was added is written. Errors: kPoisoned. Requires: called on the loop, or after it
  // stopped.
  [[nodiscard]] std::expected<void, Error> WaitUntilIdle();

  [[nodiscard]] std::uint64_t written_bytes() const;

 private:
  using Outcome = std::expected<void, Error>;
  struct Item {
    LogPlan plan;
    std::optional<Error> refusal;  // it takes no effect
    LogStore::Done done;
  };
  using Group = std::vector<Item>;
  struct Answer {
    LogStore::Done done;
    Outcome outcome;
  };

  // On the loop.
  [[nodiscard]] bool MayWriteAside(const LogPlan& plan) const;
  [[nodiscard]] bool TakeAside();
  void GiveAsideToThread();

  // On whichever thread writes.
  void Run();
  void WriteAside();
  [[nodiscard]] Group NextGroup();
  void WriteAndReport(Group group);
  [[nodiscard]] Outcome OutcomeOf(const Item& item, const rocksdb::Status& status);
  [[nodiscard]] rocksdb::Status WriteRows(const Group& group);
  Error Poison(Error error);
  [[nodiscard]] Error Poisoned() const;

  const Options options_;
  EventLoop& loop_;
  rocksdb::DB& db_;
  std::shared_ptr<bool> life_;                      // ends with the destructor's first step
  const std::weak_ptr<bool> alive_;                 // to be asked by completions
  std::shared_ptr<std::atomic<bool>> aside_taken_;  // of the loop: the last task for RunAside has begun, or must not

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable idle_;
  std::deque<Item> queue_;
  bool writing_ = false;  // somebody has taken a group
  bool aside_ = false;    // the next group is not the thread's, or it is being written elsewhere
  bool stopping_ = false;
  std::optional<Error> failure_;  // set once, by who writes, under the mutex
  std::uint64_t written_bytes_ = 0;
  std::int64_t sync_micros_;  // lately, on average; under the mutex

  std::thread thread_;
};

}  // namespace metasrv::io
