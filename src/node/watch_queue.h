#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "node/watch.h"
#include "sm/read.h"

namespace metasrv::node {

// The messages that wait for one watcher, and how the watch ended. Bounded: nothing is ever left out, so that a watcher
// whose buffer is full can only be ended. Whoever shares it between threads guards it.
class WatchQueue {
 public:
  // A single message always fits.
  void SetLimit(std::size_t bytes) { bytes_max_ = bytes; }

  // False, and the message is not taken, when the limit would be exceeded. Ignored after the end.
  [[nodiscard]] bool Push(SharedWatchMessage message);
  // Forgets what waits. The first reason counts.
  void End(WatchEnd reason);

  // The oldest message; null when none waits.
  [[nodiscard]] SharedWatchMessage Pop();
  [[nodiscard]] bool empty() const { return messages_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] const std::optional<WatchEnd>& end() const { return end_; }

 private:
  std::deque<SharedWatchMessage> messages_;
  std::size_t bytes_ = 0;
  std::size_t bytes_max_ = 0;
  std::optional<WatchEnd> end_;
};

// The initial flush of a watch (grpc-api.md §7.3): every record of the range in the state the watch began with, expired
// ones included and whatever the filter, then the end marker. Holds one row at a time. May be used on any one thread.
class WatchFlush {
 public:
  WatchFlush(std::shared_ptr<const sm::Snapshot> state, const KeyRange& range);

  struct Step {
    SharedWatchMessage message;
    bool is_marker = false;  // nothing follows
  };
  // Requires: the marker was not returned yet.
  [[nodiscard]] Step Next();

 private:
  std::shared_ptr<const sm::Snapshot> state_;
  sm::PrefixScan records_;
};

}  // namespace metasrv::node
