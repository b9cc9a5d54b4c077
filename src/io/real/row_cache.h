#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "sm/store.h"

namespace metasrv::io {

// Rows that were read or written lately, ready to be returned: looking one up in RocksDB costs memtables, filters,
// index and data blocks each time, and every write reads the record that it replaces. Absent rows are remembered, too.
// The least recently used rows go first. Thread-safe.
//
// Whoever reads says which version of the state it looks at, so that a snapshot profits as long as it is the newest.
class RowCache {
 public:
  using Value = std::optional<std::string>;  // none: there is no such row
  using Version = std::uint64_t;             // number of changes so far

  explicit RowCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  RowCache(const RowCache&) = delete;
  RowCache& operator=(const RowCache&) = delete;

  [[nodiscard]] Version version() const;
  // The row at `version`; none when it is not here or the state has changed since.
  [[nodiscard]] std::optional<Value> Find(std::string_view key, Version version);
  // What was read at `version`; forgotten when the state has changed since.
  void Remember(std::string_view key, const Value& value, Version version);
  // The state was changed.
  void Write(const sm::WriteBatch& batch);
  // The state was replaced.
  void Clear();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  struct Entry {
    Value value;
    std::list<const std::string*>::iterator place;
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

  [[nodiscard]] static std::size_t Cost(std::string_view key, const Value& value);
  void Put(std::string_view key, const Value& value);
  void MakeRoom();

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  Version version_ = 0;
  Entries entries_;
  std::list<const std::string*> recent_;  // keys of `entries_`, the latest first
  std::size_t bytes_ = 0;
};

}  // namespace metasrv::io
