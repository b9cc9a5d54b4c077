#pragma once

#include <cstddef>
#include <deque>

#include "common/check.h"
#include "common/ids.h"

namespace metasrv {

// How many bytes of its own proposals a leader has in its log and not committed.
class Uncommitted {
 public:
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // Whether `bytes` more fit; what is larger than the limit fits when nothing else waits.
  [[nodiscard]] bool HasRoom(std::size_t bytes, std::size_t bytes_max) const {
    return bytes_ == 0 || bytes_ + bytes <= bytes_max;
  }
  // Requires: `index` is beyond all others.
  void Add(LogIndex index, std::size_t bytes) {
    if (!items_.empty()) CHECK_GT(index, items_.back().index);
    items_.push_back({index, bytes});
    bytes_ += bytes;
  }
  void CommitTo(LogIndex end) {
    while (!items_.empty() && items_.front().index < end) {
      CHECK_GE(bytes_, items_.front().bytes);
      bytes_ -= items_.front().bytes;
      items_.pop_front();
    }
  }

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  struct Item {
    LogIndex index;
    std::size_t bytes = 0;
  };
  std::deque<Item> items_;
  std::size_t bytes_ = 0;
};

}  // namespace metasrv
