#include "ctl/threaded_sink.h"

#include <utility>

namespace metasrv::ctl {
namespace {

constexpr std::size_t kBatchesMax = 4;

}  // namespace

ThreadedSink::~ThreadedSink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::expected<void, std::string> ThreadedSink::Add(Batch batch) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return batches_.size() < kBatchesMax || error_; });
    if (error_) return std::unexpected(*error_);
    batches_.push_back(std::move(batch));
  }
  changed_.notify_all();
  return {};
}

std::expected<void, std::string> ThreadedSink::Drain() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return (batches_.empty() && !writing_) || error_; });
  if (error_) return std::unexpected(*error_);
  return {};
}

bool ThreadedSink::HasRow(std::string_view key) const {
  // After an error the answer does not matter: the next call tells it.
  return Drain().has_value() && target_.HasRow(key);
}

void ThreadedSink::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || (!batches_.empty() && !error_); });
    if (stopping_) return;
    Batch batch = std::move(batches_.front());
    batches_.pop_front();
    writing_ = true;
    lock.unlock();
    changed_.notify_all();
    auto written = std::holds_alternative<io::LogBatch>(batch)
                       ? target_.WriteLog(std::get<io::LogBatch>(std::move(batch)))
                       : target_.WriteState(std::get<std::vector<sm::Row>>(std::move(batch)));
    lock.lock();
    writing_ = false;
    if (!written) error_ = std::move(written.error());
    changed_.notify_all();
  }
}

}  // namespace metasrv::ctl
