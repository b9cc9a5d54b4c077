#include "sm/read.h"

#include <charconv>

#include "common/check.h"
#include "common/prng.h"
#include "sm/layout.h"
#include "sm/row_codec.h"

namespace metasrv::sm {
namespace {

bool IsVisible(const meta::SeqV& record, WallMillis now) {
  return !record.meta().has_expire_at() || ExpireMillis(record.meta().expire_at()) >= now.value();
}

std::unique_ptr<Iterator> ScanTable(const Reader& state, char table, std::string_view prefix) {
  std::string lower(1, table);
  lower.append(prefix);
  return state.Scan(lower, PrefixEnd(lower));
}

// A scalar row in decimal; 0 when it was never written.
std::uint64_t ReadNumber(const Reader& state, std::string_view row_key) {
  const std::optional<std::string> row = state.Get(row_key);
  if (!row.has_value()) return 0;
  std::uint64_t number = 0;
  const char* end = row->data() + row->size();
  const auto [rest, error] = std::from_chars(row->data(), end, number);
  CHECK(error == std::errc());
  CHECK(rest == end);
  return number;
}

}  // namespace

std::optional<meta::SeqV> GetRecord(const Reader& state, std::string_view key, WallMillis now) {
  const std::optional<std::string> row = state.Get(RecordRow(key));
  if (!row.has_value()) return std::nullopt;
  auto record = ParseRow<meta::SeqV>(*row);
  if (!IsVisible(record, now)) return std::nullopt;
  return record;
}

PrefixScan::PrefixScan(const Reader& state, std::string_view prefix, WallMillis now)
    : rows_(ScanTable(state, kRecordTable, prefix)), now_(now) {}

PrefixScan::PrefixScan(const Reader& state, std::string_view key, std::string_view key_end, WallMillis now)
    : rows_(state.Scan(RecordRow(key), RecordRow(key_end))), now_(now) {}

PrefixScan::~PrefixScan() = default;

std::optional<meta::StreamItem> PrefixScan::Next() {
  for (; rows_->Valid(); rows_->Next()) {
    auto record = ParseRow<meta::SeqV>(rows_->value());
    if (!IsVisible(record, now_)) continue;
    meta::StreamItem item;
    item.set_key(std::string(KeyOfRecordRow(rows_->key())));
    *item.mutable_value() = std::move(record);
    rows_->Next();
    return item;
  }
  return std::nullopt;
}

std::optional<LogId> ReadLastApplied(const Reader& state) {
  const std::optional<std::string> row = state.Get(kLastAppliedRow);
  if (!row.has_value()) return std::nullopt;
  return FromProto(ParseRow<meta::LogId>(*row));
}

pb::StoredMembership ReadLastMembership(const Reader& state) {
  const std::optional<std::string> row = state.Get(kLastMembershipRow);
  return row.has_value() ? ParseRow<pb::StoredMembership>(*row) : pb::StoredMembership();
}

std::uint64_t ReadLastSeq(const Reader& state) { return ReadNumber(state, kLastSeqRow); }

WallMillis ReadLogTime(const Reader& state) { return WallMillis(ReadNumber(state, kLogTimeRow)); }

std::map<NodeId, meta::Node> ReadNodes(const Reader& state) {
  std::map<NodeId, meta::Node> nodes;
  for (auto rows = ScanTable(state, kNodeTable, ""); rows->Valid(); rows->Next()) {
    nodes.emplace(IdOfNodeRow(rows->key()), ParseRow<meta::Node>(rows->value()));
  }
  return nodes;
}

std::vector<std::string> ReadFeatures(const Reader& state) {
  std::vector<std::string> names;
  for (auto rows = ScanTable(state, kFeatureTable, ""); rows->Valid(); rows->Next()) {
    names.emplace_back(rows->key().substr(1));
  }
  return names;
}

std::optional<std::string> ReadQuarantine(const Reader& state) { return state.Get(kQuarantinedRow); }

std::uint64_t HashState(const Reader& state) {
  std::uint64_t hash = 0;
  for (auto rows = state.Scan("", ""); rows->Valid(); rows->Next()) {
    hash = Hash64(rows->value(), Hash64(rows->key(), hash));
  }
  return hash;
}

}  // namespace metasrv::sm
