#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace metasrv::server {

// Something whose turn it is to send.
class Deliverable {
 public:
  virtual ~Deliverable() = default;
  // Must not wait.
  virtual void Deliver() = 0;
};

// Starts the sending of what the node's loop has put into the buffers of watches, on a thread of its own: a change that
// thousands watch must cost the loop no more than filling their buffers. Thread-safe.
class WatchDelivery {
 public:
  WatchDelivery();
  // Drops what has not been delivered.
  ~WatchDelivery();
  WatchDelivery(const WatchDelivery&) = delete;
  WatchDelivery& operator=(const WatchDelivery&) = delete;

  // Calls Deliver() soon, in the order of the calls.
  void Add(std::shared_ptr<Deliverable> ready);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<Deliverable>> ready_;
  bool sleeping_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

// Counts what is open per connection. Thread-safe.
class ConnectionCounts {
 public:
  explicit ConnectionCounts(std::size_t per_connection_max) : max_(per_connection_max) {}

  // False when `connection` has as many as it may.
  [[nodiscard]] bool Take(const std::string& connection);
  // Requires: taken before.
  void Return(const std::string& connection);
  [[nodiscard]] std::size_t max() const { return max_; }

 private:
  const std::size_t max_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> counts_;
};

}  // namespace metasrv::server
