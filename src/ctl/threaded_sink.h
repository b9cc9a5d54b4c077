#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "backup/import.h"

namespace metasrv::ctl {

// Writes on a thread of its own, so that reading lines and writing them take two cores. Holds a few batches at most;
// whoever brings more waits. An error of the target is told with a later call, at the latest by Drain().
class ThreadedSink final : public backup::ImportSink {
 public:
  // `target` must outlive the sink, and belongs to it until Drain() has returned.
  explicit ThreadedSink(backup::ImportSink& target) : target_(target), thread_([this] { Run(); }) {}
  // Forgets what is not written yet.
  ~ThreadedSink() override;
  ThreadedSink(const ThreadedSink&) = delete;
  ThreadedSink& operator=(const ThreadedSink&) = delete;

  std::expected<void, std::string> WriteLog(io::LogBatch batch) override { return Add(std::move(batch)); }
  std::expected<void, std::string> WriteState(std::vector<sm::Row> rows) override { return Add(std::move(rows)); }
  bool HasRow(std::string_view key) const override;

  // Waits until everything is written.
  [[nodiscard]] std::expected<void, std::string> Drain() const;

 private:
  using Batch = std::variant<io::LogBatch, std::vector<sm::Row>>;

  std::expected<void, std::string> Add(Batch batch);
  void Run();

  backup::ImportSink& target_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<Batch> batches_;
  bool writing_ = false;
  bool stopping_ = false;
  std::optional<std::string> error_;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace metasrv::ctl
