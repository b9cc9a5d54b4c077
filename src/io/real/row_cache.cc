#include "io/real/row_cache.h"

namespace metasrv::io {
namespace {

// Nodes of the table and the list, and their share of what malloc adds.
constexpr std::size_t kOverhead = 192;

}  // namespace

std::size_t RowCache::Cost(std::string_view key, const Value& value) {
  return key.size() + (value ? value->size() : 0) + kOverhead;
}

RowCache::Version RowCache::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

std::optional<RowCache::Value> RowCache::Find(std::string_view key, Version version) {
  const std::lock_guard lock(mutex_);
  if (version != version_) return std::nullopt;
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  recent_.splice(recent_.begin(), recent_, found->second.place);
  return found->second.value;
}

void RowCache::Remember(std::string_view key, const Value& value, Version version) {
  const std::lock_guard lock(mutex_);
  if (version != version_) return;
  Put(key, value);
  MakeRoom();
}

void RowCache::Write(const sm::WriteBatch& batch) {
  const std::lock_guard lock(mutex_);
  ++version_;
  for (const auto& [key, value] : batch.changes) Put(key, value);
  MakeRoom();
}

void RowCache::Clear() {
  const std::lock_guard lock(mutex_);
  ++version_;
  entries_.clear();
  recent_.clear();
  bytes_ = 0;
}

void RowCache::Put(std::string_view key, const Value& value) {
  if (bytes_max_ == 0) return;
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    found = entries_.emplace(std::string(key), Entry{}).first;
    recent_.push_front(&found->first);
    found->second.place = recent_.begin();
  } else {
    bytes_ -= Cost(key, found->second.value);
    recent_.splice(recent_.begin(), recent_, found->second.place);
  }
  found->second.value = value;
  bytes_ += Cost(key, value);
}

void RowCache::MakeRoom() {
  while (bytes_ > bytes_max_ && !recent_.empty()) {
    const auto oldest = entries_.find(*recent_.back());
    bytes_ -= Cost(oldest->first, oldest->second.value);
    recent_.pop_back();
    entries_.erase(oldest);
  }
}

}  // namespace metasrv::io
