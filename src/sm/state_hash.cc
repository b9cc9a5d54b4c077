#include "sm/state_hash.h"

#include <charconv>
#include <string>

#include "common/check.h"
#include "common/prng.h"
#include "sm/layout.h"

namespace metasrv::sm {
namespace {

std::uint64_t ParseDecimal(std::string_view text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  CHECK(error == std::errc());
  CHECK(rest == text.data() + text.size());
  return number;
}

}  // namespace

bool IsHashed(std::string_view row) {
  if (row.empty()) return false;
  return row[0] == kRecordTable || row[0] == kExpireTable || row == kLastSeqRow;
}

std::uint64_t RowHash(std::string_view row, std::string_view value) { return Hash64(value, Hash64(row)); }

std::uint64_t SeqHash(std::uint64_t last_seq) {
  return last_seq == 0 ? 0 : RowHash(kLastSeqRow, std::to_string(last_seq));
}

void RowsHash::Add(std::string_view row, std::string_view value) {
  const bool says_nothing = row == kLastSeqRow && value == "0";
  if (IsHashed(row) && !says_nothing) sum_ += RowHash(row, value);
}

std::uint64_t ComputeStateHash(const Reader& state) {
  RowsHash hash;
  for (auto rows = state.Scan({}, {}); rows->Valid(); rows->Next()) hash.Add(rows->key(), rows->value());
  return hash.value();
}

std::optional<std::uint64_t> ReadStateHash(const Reader& state) {
  const std::optional<std::string> row = state.Get(kStateHashRow);
  if (!row) return std::nullopt;
  return ParseDecimal(*row);
}

}  // namespace metasrv::sm
