#pragma once

#include <vector>

#include "tests/consensus/explore/digest.h"

namespace metasrv::test {

// A set of digests that takes 16 bytes for each and a half.
class DigestSet {
 public:
  // False: it was there.
  bool Insert(const Digest& digest) {
    if (slots_.size() * 2 <= size_ * 3) Grow();
    if (!Put(slots_, digest)) return false;
    ++size_;
    return true;
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  // All zeros is an empty slot; no digest of more than nothing is.
  static bool Put(std::vector<Digest>& slots, const Digest& digest) {
    std::size_t at = digest.low & (slots.size() - 1);
    for (; slots[at] != Digest{}; at = (at + 1) & (slots.size() - 1)) {
      if (slots[at] == digest) return false;
    }
    slots[at] = digest;
    return true;
  }
  void Grow() {
    std::vector<Digest> larger(slots_.size() * 2);
    for (const Digest& digest : slots_) {
      if (digest != Digest{}) Put(larger, digest);
    }
    slots_ = std::move(larger);
  }

  std::vector<Digest> slots_ = std::vector<Digest>(1024);
  std::size_t size_ = 0;
};

}  // namespace metasrv::test
