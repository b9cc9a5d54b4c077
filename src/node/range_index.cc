#include "node/range_index.h"

#include <algorithm>

#include "common/check.h"

namespace metasrv::node {
namespace {

bool Before(const KeyRange& a, const KeyRange& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; }

}  // namespace

void RangeIndex::Add(const KeyRange& range, Entry entry) {
  CHECK(!range.empty());
  if (Node* node = Find(range)) return node->entries.push_back(entry);
  auto fresh = std::make_unique<Node>();
  fresh->range = range;
  fresh->priority = priorities_.Next();
  fresh->max_end = range.end;
  fresh->entries.push_back(entry);
  root_ = Insert(std::move(root_), std::move(fresh));
}

void RangeIndex::Remove(const KeyRange& range, WatchId id) {
  Node* node = Find(range);
  CHECK(node != nullptr);
  const auto found = std::ranges::lower_bound(node->entries, id, {}, &Entry::id);
  CHECK(found != node->entries.end() && found->id == id);
  node->entries.erase(found);
  if (node->entries.empty()) root_ = Erase(std::move(root_), range);
}

RangeIndex::Node* RangeIndex::Find(const KeyRange& range) const {
  Node* node = root_.get();
  while (node != nullptr && node->range != range) {
    node = Before(range, node->range) ? node->left.get() : node->right.get();
  }
  return node;
}

void RangeIndex::Refresh(Node& node) {
  node.max_end = node.range.end;
  for (const Link& child : {std::cref(node.left), std::cref(node.right)}) {
    if (child && node.max_end < child->max_end) node.max_end = child->max_end;
  }
}

RangeIndex::Link RangeIndex::Insert(Link tree, Link fresh) {
  if (!tree) return fresh;
  if (tree->priority < fresh->priority) {
    Split(std::move(tree), fresh->range, fresh->left, fresh->right);
    Refresh(*fresh);
    return fresh;
  }
  Link& child = Before(fresh->range, tree->range) ? tree->left : tree->right;
  child = Insert(std::move(child), std::move(fresh));
  Refresh(*tree);
  return tree;
}

RangeIndex::Link RangeIndex::Erase(Link tree, const KeyRange& range) {
  if (tree->range == range) return Merge(std::move(tree->left), std::move(tree->right));
  Link& child = Before(range, tree->range) ? tree->left : tree->right;
  child = Erase(std::move(child), range);
  Refresh(*tree);
  return tree;
}

RangeIndex::Link RangeIndex::Merge(Link left, Link right) {
  if (!left) return right;
  if (!right) return left;
  if (left->priority < right->priority) {
    right->left = Merge(std::move(left), std::move(right->left));
    Refresh(*right);
    return right;
  }
  left->right = Merge(std::move(left->right), std::move(right));
  Refresh(*left);
  return left;
}

void RangeIndex::Split(Link tree, const KeyRange& range, Link& left, Link& right) {
  if (!tree) return;
  if (Before(tree->range, range)) {
    Link rest = std::move(tree->right);
    Split(std::move(rest), range, tree->right, right);
    Refresh(*tree);
    left = std::move(tree);
  } else {
    Link rest = std::move(tree->left);
    Split(std::move(rest), range, left, tree->left);
    Refresh(*tree);
    right = std::move(tree);
  }
}

}  // namespace metasrv::node
