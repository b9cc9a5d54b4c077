#include "server/background_thread.h"

#include <pthread.h>
#include <sys/resource.h>

#include <utility>

namespace metasrv::server {
namespace {

// About a seventieth of what a thread with normal priority gets when both want a core.
constexpr int kNice = 19;

}  // namespace

BackgroundThread::~BackgroundThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void BackgroundThread::Add(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void BackgroundThread::Run() {
  pthread_setname_np(pthread_self(), "background");
  // On Linux this is of the calling thread alone. Without it the work is merely not in the background.
  static_cast<void>(setpriority(PRIO_PROCESS, 0, kNice));
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace metasrv::server
