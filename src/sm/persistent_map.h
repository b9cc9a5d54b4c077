#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metasrv::sm {

// An ordered map of bytes to bytes whose copies are frozen: copying costs O(1), a change O(log n) and leaves every copy
// as it was. Keys are ordered as unsigned bytes. A treap whose priorities are hashes of the keys, so that its shape
// depends on its content only. Copies may be read from different threads; one object must not be changed while it is
// used elsewhere.
class PersistentMap {
 public:
  using Row = std::pair<const std::string, const std::string>;
  class Cursor;

  // The value of `key`, or null. Valid as long as this map is neither changed nor destroyed.
  [[nodiscard]] const std::string* Find(std::string_view key) const;

  // Inserts or replaces.
  void Put(std::string key, std::string value);
  // Removes `key`; an absent key changes nothing.
  void Erase(std::string_view key);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // Starts at the first row that is not smaller than `lower`.
  [[nodiscard]] Cursor LowerBound(std::string_view lower) const;

 private:
  struct Node;
  using Link = std::shared_ptr<const Node>;
  // Rows are shared between the versions of a node, so that a changed path copies pointers, not bytes.
  struct Node {
    std::shared_ptr<const Row> row;
    std::uint64_t priority;
    Link left;
    Link right;
  };

  static bool Above(const Node& a, const Node& b);
  static Link Insert(const Link& tree, const Link& fresh);
  static Link Remove(const Link& tree, std::string_view key);
  static Link Merge(const Link& left, const Link& right);
  static Link WithChildren(const Node& node, Link left, Link right);

  Link root_;
  std::size_t size_ = 0;
};

// Walks one version of a map in ascending key order; keeps that version alive.
class PersistentMap::Cursor {
 public:
  [[nodiscard]] bool Valid() const { return !path_.empty(); }
  // Requires: Valid().
  void Next();
  // Requires: Valid(). The row lives as long as the cursor or the version it walks.
  [[nodiscard]] const Row& row() const { return *path_.back()->row; }

 private:
  friend class PersistentMap;
  void DescendLeft(const Node* node);

  Link root_;
  std::vector<const Node*> path_;  // nodes whose row is still to come, the next one last
};

}  // namespace metasrv::sm
