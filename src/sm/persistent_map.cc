#include "sm/persistent_map.h"

#include "common/check.h"
#include "common/prng.h"

namespace metasrv::sm {

const std::string* PersistentMap::Find(std::string_view key) const {
  const Node* node = root_.get();
  while (node != nullptr) {
    const int order = key.compare(node->row->first);
    if (order == 0) return &node->row->second;
    node = order < 0 ? node->left.get() : node->right.get();
  }
  return nullptr;
}

void PersistentMap::Put(std::string key, std::string value) {
  if (Find(key) == nullptr) ++size_;
  const std::uint64_t priority = Hash64(key);
  auto row = std::make_shared<const Row>(std::move(key), std::move(value));
  root_ = Insert(root_, std::make_shared<const Node>(Node{std::move(row), priority, nullptr, nullptr}));
}

void PersistentMap::Erase(std::string_view key) {
  if (Find(key) == nullptr) return;
  --size_;
  root_ = Remove(root_, key);
}

PersistentMap::Cursor PersistentMap::LowerBound(std::string_view lower) const {
  Cursor cursor;
  cursor.root_ = root_;
  const Node* node = root_.get();
  while (node != nullptr) {
    if (node->row->first < lower) {
      node = node->right.get();
    } else {
      cursor.path_.push_back(node);
      node = node->left.get();
    }
  }
  return cursor;
}

bool PersistentMap::Above(const Node& a, const Node& b) {
  if (a.priority != b.priority) return a.priority > b.priority;
  return a.row->first < b.row->first;
}

PersistentMap::Link PersistentMap::WithChildren(const Node& node, Link left, Link right) {
  return std::make_shared<const Node>(Node{node.row, node.priority, std::move(left), std::move(right)});
}

PersistentMap::Link PersistentMap::Insert(const Link& tree, const Link& fresh) {
  if (tree == nullptr) return fresh;
  const int order = fresh->row->first.compare(tree->row->first);
  if (order == 0) return WithChildren(*fresh, tree->left, tree->right);
  if (order < 0) {
    const Link left = Insert(tree->left, fresh);
    if (!Above(*left, *tree)) return WithChildren(*tree, left, tree->right);
    return WithChildren(*left, left->left, WithChildren(*tree, left->right, tree->right));
  }
  const Link right = Insert(tree->right, fresh);
  if (!Above(*right, *tree)) return WithChildren(*tree, tree->left, right);
  return WithChildren(*right, WithChildren(*tree, tree->left, right->left), right->right);
}

// Requires: the key is in the tree.
PersistentMap::Link PersistentMap::Remove(const Link& tree, std::string_view key) {
  CHECK(tree != nullptr);
  const int order = key.compare(tree->row->first);
  if (order == 0) return Merge(tree->left, tree->right);
  if (order < 0) return WithChildren(*tree, Remove(tree->left, key), tree->right);
  return WithChildren(*tree, tree->left, Remove(tree->right, key));
}

// Requires: every key of `left` is smaller than every key of `right`.
PersistentMap::Link PersistentMap::Merge(const Link& left, const Link& right) {
  if (left == nullptr) return right;
  if (right == nullptr) return left;
  if (Above(*left, *right)) return WithChildren(*left, left->left, Merge(left->right, right));
  return WithChildren(*right, Merge(left, right->left), right->right);
}

void PersistentMap::Cursor::Next() {
  CHECK(Valid());
  const Node* node = path_.back();
  path_.pop_back();
  DescendLeft(node->right.get());
}

void PersistentMap::Cursor::DescendLeft(const Node* node) {
  for (; node != nullptr; node = node->left.get()) path_.push_back(node);
}

}  // namespace metasrv::sm
