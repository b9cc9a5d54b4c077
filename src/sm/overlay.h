#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ids.h"
#include "meta.pb.h"
#include "sm/store.h"

namespace metasrv::sm {

// One row of the expiry index.
struct ExpireEntry {
  std::uint64_t time_ms = 0;
  std::uint64_t seq = 0;
  std::string key;
};

// The state in the middle of a batch of entries: a store plus the changes made so far. Reads see both; the store itself
// is not touched. Records are kept parsed, so that each is read and written at most once however often the batch uses
// it.
class Overlay {
 public:
  // `store` must outlive the overlay and must not change meanwhile. No row of its expiry index is smaller than
  // `expire_floor_ms`.
  Overlay(const Reader& store, std::uint64_t last_seq, std::uint64_t expire_floor_ms);

  // The record of `key`, or null. Valid until that record is replaced.
  [[nodiscard]] const meta::SeqV* FindRecord(std::string_view key);

  // Sets the record of `key`, or removes it, and keeps the expiry index in step. Returns the record that was there.
  std::optional<meta::SeqV> ReplaceRecord(std::string_view key, std::optional<meta::SeqV> record);

  // The keys that start with `prefix`, ascending; their records are at hand afterwards.
  [[nodiscard]] std::vector<std::string> LoadKeys(std::string_view prefix);

  // The number of keys that start with `prefix`, but at most `max`.
  [[nodiscard]] std::uint64_t CountKeys(std::string_view prefix, std::uint64_t max) const;

  // The smallest row of the expiry index if its time is smaller than `before_ms`.
  [[nodiscard]] std::optional<ExpireEntry> FirstExpiring(std::uint64_t before_ms);
  void DropExpireRow(std::uint64_t time_ms, std::uint64_t seq);

  // Takes the next sequence number (kv-semantics.md §5.3).
  std::uint64_t NextSeq() { return ++last_seq_; }
  [[nodiscard]] std::uint64_t last_seq() const { return last_seq_; }

  // Rows of the small tables: nodes and features.
  [[nodiscard]] std::optional<std::string> GetRow(std::string_view row) const;
  void PutRow(std::string row, std::string value) { rows_.insert_or_assign(std::move(row), std::move(value)); }
  void DeleteRow(std::string row) { rows_.insert_or_assign(std::move(row), std::nullopt); }

  // A lower bound of the expiry index with all changes, for the next overlay of the same store.
  [[nodiscard]] std::uint64_t expire_floor_ms() const { return expire_floor_ms_; }

  // Every change so far as rows; moves `state_hash` (state_hash.h) by what they change of records and expiry index.
  // The overlay must not be used afterwards.
  [[nodiscard]] WriteBatch TakeChanges(std::uint64_t& state_hash);

 private:
  struct CachedRecord {
    std::optional<meta::SeqV> record;
    bool in_store = false;
    bool changed = false;
    std::uint64_t stored_hash = 0;  // of the row in the store
  };
  using Records = std::map<std::string, CachedRecord, std::less<>>;
  using TimeAndSeq = std::pair<std::uint64_t, std::uint64_t>;
  // `stored` is the row's value, or null for a record that this batch has read or written. False ends the walk.
  using KeyVisitor = std::function<bool(std::string_view key, const std::string_view* stored)>;

  Records::iterator Load(std::string_view key);
  void VisitKeys(std::string_view prefix, const KeyVisitor& visit) const;
  // Moves `state_hash` from the stored row, if there is one, to its new value, if there is one.
  void MoveHash(std::uint64_t& state_hash, std::string_view row, const std::string* value) const;
  void AddExpireRow(std::uint64_t time_ms, std::uint64_t seq, std::string key);
  // Steps over stored index rows that the batch has replaced or removed.
  void SkipChangedExpireRows();

  const Reader& store_;
  std::uint64_t last_seq_;
  std::uint64_t expire_floor_ms_;
  Records records_;
  std::unique_ptr<Iterator> stored_expiries_;  // opened by the first sweep that may find something
  std::map<TimeAndSeq, std::string> added_expiries_;
  std::set<TimeAndSeq> removed_expiries_;
  std::map<std::string, std::optional<std::string>, std::less<>> rows_;
};

}  // namespace metasrv::sm
