#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/prng.h"
#include "node/watch.h"

namespace metasrv::node {

// Which ranges contain a key: an interval tree, balanced as a treap. Finding k of n ranges takes O(log n + k log n)
// expected. Ranges that are equal share a node.
class RangeIndex {
 public:
  struct Entry {
    WatchId id;
    WatchSpec const* spec = nullptr;
    LogIndex from;  // the first entry whose changes are of interest
    Watcher* watcher = nullptr;
  };

  // `seed` makes the shape of the tree unknown to those who choose the ranges.
  explicit RangeIndex(std::uint64_t seed) : priorities_(seed) {}

  // Requires: ids grow from call to call; the range is not empty.
  void Add(const KeyRange& range, Entry entry);
  // Requires: the id was added with this range.
  void Remove(const KeyRange& range, WatchId id);

  // Calls `visit` with every entry whose range contains `key`.
  template <class Visit>
  void ForEach(std::string_view key, Visit visit) const {
    ForEach(root_.get(), key, visit);
  }

 private:
  struct Node {
    KeyRange range;
    std::uint64_t priority = 0;
    std::string max_end;         // of the ranges in this subtree
    std::vector<Entry> entries;  // by id
    std::unique_ptr<Node> left;
    std::unique_ptr<Node> right;
  };
  using Link = std::unique_ptr<Node>;

  template <class Visit>
  static void ForEach(const Node* node, std::string_view key, Visit& visit) {
    if (node == nullptr || node->max_end <= key) return;
    ForEach(node->left.get(), key, visit);
    if (key < node->range.begin) return;
    if (key < node->range.end) {
      for (const Entry& entry : node->entries) visit(entry);
    }
    ForEach(node->right.get(), key, visit);
  }

  [[nodiscard]] Node* Find(const KeyRange& range) const;
  static Link Insert(Link tree, Link fresh);
  static Link Erase(Link tree, const KeyRange& range);
  static Link Merge(Link left, Link right);
  // `left` gets what is smaller than `range`.
  static void Split(Link tree, const KeyRange& range, Link& left, Link& right);
  static void Refresh(Node& node);

  Prng priorities_;
  Link root_;
};

}  // namespace metasrv::node
