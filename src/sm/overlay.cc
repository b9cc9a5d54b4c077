#include "sm/overlay.h"

#include <algorithm>

#include "common/check.h"
#include "log.pb.h"
#include "sm/layout.h"
#include "sm/row_codec.h"
#include "sm/state_hash.h"

namespace metasrv::sm {

Overlay::Overlay(const Reader& store, std::uint64_t last_seq, std::uint64_t expire_floor_ms)
    : store_(store), last_seq_(last_seq), expire_floor_ms_(expire_floor_ms) {}

Overlay::Records::iterator Overlay::Load(std::string_view key) {
  auto place = records_.lower_bound(key);
  if (place != records_.end() && place->first == key) return place;
  CachedRecord cached;
  const std::string row = RecordRow(key);
  if (const auto stored = store_.Get(row)) {
    cached.record = ParseRow<meta::SeqV>(*stored);
    cached.in_store = true;
    cached.stored_hash = RowHash(row, *stored);
  }
  return records_.emplace_hint(place, std::string(key), std::move(cached));
}

const meta::SeqV* Overlay::FindRecord(std::string_view key) {
  const auto& record = Load(key)->second.record;
  return record.has_value() ? &*record : nullptr;
}

std::optional<meta::SeqV> Overlay::ReplaceRecord(std::string_view key, std::optional<meta::SeqV> record) {
  CachedRecord& cached = Load(key)->second;
  std::optional<meta::SeqV> before = std::move(cached.record);
  if (before.has_value() && before->meta().has_expire_at()) {
    DropExpireRow(ExpireMillis(before->meta().expire_at()), before->seq());
  }
  if (record.has_value() && record->meta().has_expire_at()) {
    AddExpireRow(ExpireMillis(record->meta().expire_at()), record->seq(), std::string(key));
  }
  cached.record = std::move(record);
  cached.changed = true;
  return before;
}

void Overlay::VisitKeys(std::string_view prefix, const KeyVisitor& visit) const {
  const std::string lower = RecordRow(prefix);
  const auto rows = store_.Scan(lower, PrefixEnd(lower));
  auto cached = records_.lower_bound(prefix);
  for (;;) {
    const bool more_cached = cached != records_.end() && cached->first.starts_with(prefix);
    if (!rows->Valid() && !more_cached) return;
    int order = rows->Valid() ? -1 : 1;
    if (rows->Valid() && more_cached) order = KeyOfRecordRow(rows->key()).compare(cached->first);
    if (order < 0) {
      const std::string_view value = rows->value();
      if (!visit(KeyOfRecordRow(rows->key()), &value)) return;
      rows->Next();
      continue;
    }
    // The batch's own view of a key hides the stored one.
    if (order == 0) rows->Next();
    const auto own = cached++;
    if (own->second.record.has_value() && !visit(own->first, nullptr)) return;
  }
}

std::vector<std::string> Overlay::LoadKeys(std::string_view prefix) {
  std::vector<std::string> keys;
  VisitKeys(prefix, [&](std::string_view key, const std::string_view* stored) {
    keys.emplace_back(key);
    // The walk has passed this key in the cache, so that adding it does not disturb the walk.
    if (stored != nullptr) {
      records_.emplace(keys.back(), CachedRecord{.record = ParseRow<meta::SeqV>(*stored),
                                                 .in_store = true,
                                                 .changed = false,
                                                 .stored_hash = RowHash(RecordRow(key), *stored)});
    }
    return true;
  });
  return keys;
}

std::uint64_t Overlay::CountKeys(std::string_view prefix, std::uint64_t max) const {
  std::uint64_t count = 0;
  if (max == 0) return count;
  VisitKeys(prefix, [&](std::string_view, const std::string_view*) { return ++count < max; });
  return count;
}

void Overlay::SkipChangedExpireRows() {
  while (stored_expiries_->Valid()) {
    const TimeAndSeq row = TimeAndSeqOfExpireRow(stored_expiries_->key());
    if (!removed_expiries_.contains(row) && !added_expiries_.contains(row)) return;
    stored_expiries_->Next();
  }
}

std::optional<ExpireEntry> Overlay::FirstExpiring(std::uint64_t before_ms) {
  if (expire_floor_ms_ >= before_ms) return std::nullopt;
  if (stored_expiries_ == nullptr) {
    const std::string table(1, kExpireTable);
    stored_expiries_ = store_.Scan(table, PrefixEnd(table));
  }
  SkipChangedExpireRows();
  std::optional<TimeAndSeq> first;
  bool is_stored = false;
  if (stored_expiries_->Valid()) {
    first = TimeAndSeqOfExpireRow(stored_expiries_->key());
    is_stored = true;
  }
  if (!added_expiries_.empty() && (!first.has_value() || added_expiries_.begin()->first < *first)) {
    first = added_expiries_.begin()->first;
    is_stored = false;
  }
  expire_floor_ms_ = first.has_value() ? first->first : UINT64_MAX;
  if (expire_floor_ms_ >= before_ms) return std::nullopt;
  std::string key =
      is_stored ? ParseRow<pb::ExpireValue>(stored_expiries_->value()).key() : added_expiries_.begin()->second;
  return ExpireEntry{first->first, first->second, std::move(key)};
}

void Overlay::AddExpireRow(std::uint64_t time_ms, std::uint64_t seq, std::string key) {
  removed_expiries_.erase({time_ms, seq});
  added_expiries_.insert_or_assign({time_ms, seq}, std::move(key));
  expire_floor_ms_ = std::min(expire_floor_ms_, time_ms);
}

void Overlay::DropExpireRow(std::uint64_t time_ms, std::uint64_t seq) {
  added_expiries_.erase({time_ms, seq});
  removed_expiries_.insert({time_ms, seq});
}

std::optional<std::string> Overlay::GetRow(std::string_view row) const {
  const auto own = rows_.find(row);
  return own != rows_.end() ? own->second : store_.Get(row);
}

void Overlay::MoveHash(std::uint64_t& state_hash, std::string_view row, const std::string* value) const {
  if (const auto stored = store_.Get(row)) state_hash -= RowHash(row, *stored);
  if (value != nullptr) state_hash += RowHash(row, *value);
}

WriteBatch Overlay::TakeChanges(std::uint64_t& state_hash) {
  stored_expiries_.reset();
  WriteBatch batch;
  for (const auto& [key, cached] : records_) {
    if (!cached.changed) continue;
    state_hash -= cached.stored_hash;
    if (cached.record.has_value()) {
      std::string row = RecordRow(key);
      std::string value = cached.record->SerializeAsString();
      state_hash += RowHash(row, value);
      batch.Put(std::move(row), std::move(value));
    } else if (cached.in_store) {
      batch.Delete(RecordRow(key));
    }
  }
  for (const auto& [time_ms, seq] : removed_expiries_) {
    std::string row = ExpireRow(time_ms, seq);
    MoveHash(state_hash, row, nullptr);
    batch.Delete(std::move(row));
  }
  for (auto& [row, key] : added_expiries_) {
    pb::ExpireValue value;
    value.set_seq(1);  // always 1 in a genuine backup (export-format.md §4)
    value.set_key(std::move(key));
    std::string name = ExpireRow(row.first, row.second);
    std::string bytes = value.SerializeAsString();
    MoveHash(state_hash, name, &bytes);
    batch.Put(std::move(name), std::move(bytes));
  }
  for (auto& [row, value] : rows_) batch.changes.push_back({row, std::move(value)});
  return batch;
}

}  // namespace metasrv::sm
