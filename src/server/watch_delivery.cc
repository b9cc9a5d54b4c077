#include "server/watch_delivery.h"

#include <pthread.h>

#include <utility>

#include "common/check.h"

namespace metasrv::server {

WatchDelivery::WatchDelivery() : thread_([this] { Run(); }) {}

WatchDelivery::~WatchDelivery() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void WatchDelivery::Add(std::shared_ptr<Deliverable> ready) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    ready_.push_back(std::move(ready));
    wake = std::exchange(sleeping_, false);
  }
  if (wake) wake_.notify_one();
}

void WatchDelivery::Run() {
  pthread_setname_np(pthread_self(), "watch");
  std::vector<std::shared_ptr<Deliverable>> batch;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      sleeping_ = ready_.empty() && !stopped_;
      wake_.wait(lock, [this] { return !ready_.empty() || stopped_; });
      sleeping_ = false;
      if (stopped_) return;
      batch.swap(ready_);
    }
    for (const auto& ready : batch) ready->Deliver();
    batch.clear();
  }
}

bool ConnectionCounts::Take(const std::string& connection) {
  const std::lock_guard lock(mutex_);
  std::size_t& count = counts_[connection];
  if (count >= max_) return false;
  ++count;
  return true;
}

void ConnectionCounts::Return(const std::string& connection) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(connection);
  CHECK(found != counts_.end());
  if (--found->second == 0) counts_.erase(found);
}

}  // namespace metasrv::server
