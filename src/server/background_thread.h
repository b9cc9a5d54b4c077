#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace metasrv::server {

// A thread for long work that must not disturb the rest: jobs run one at a time, in their order, at a low priority, so
// that on a busy machine they get what is left over.
class BackgroundThread {
 public:
  using Job = std::move_only_function<void()>;

  BackgroundThread() : thread_([this] { Run(); }) {}
  // Runs the jobs that are left.
  ~BackgroundThread();
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  // Thread-safe.
  void Add(Job job);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace metasrv::server
