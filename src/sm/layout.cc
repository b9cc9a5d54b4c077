#include "sm/layout.h"

#include "common/check.h"

namespace metasrv::sm {
namespace {

constexpr std::size_t kWordBytes = 8;
// Numbers above this are milliseconds already (kv-semantics.md §4.1).
constexpr std::uint64_t kLargestSeconds = 100'000'000'000;

void AppendBigEndian(std::string& row, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) row.push_back(static_cast<char>((number >> shift) & 0xff));
}

std::uint64_t BigEndianAt(std::string_view row, std::size_t offset) {
  CHECK_LE(offset + kWordBytes, row.size());
  std::uint64_t number = 0;
  for (const char byte : row.substr(offset, kWordBytes)) number = (number << 8) | static_cast<unsigned char>(byte);
  return number;
}

std::string TableRow(char table, std::string_view name) {
  std::string row;
  row.reserve(1 + name.size());
  row.push_back(table);
  row.append(name);
  return row;
}

}  // namespace

std::string RecordRow(std::string_view key) { return TableRow(kRecordTable, key); }

std::string_view KeyOfRecordRow(std::string_view row) {
  CHECK(!row.empty());
  CHECK_EQ(row[0], kRecordTable);
  return row.substr(1);
}

std::string ExpireRow(std::uint64_t time_ms, std::uint64_t seq) {
  std::string row;
  row.reserve(1 + 2 * kWordBytes);
  row.push_back(kExpireTable);
  AppendBigEndian(row, time_ms);
  AppendBigEndian(row, seq);
  return row;
}

std::pair<std::uint64_t, std::uint64_t> TimeAndSeqOfExpireRow(std::string_view row) {
  CHECK_EQ(row.size(), 1 + 2 * kWordBytes);
  CHECK_EQ(row[0], kExpireTable);
  return {BigEndianAt(row, 1), BigEndianAt(row, 1 + kWordBytes)};
}

std::string NodeRow(NodeId id) {
  std::string row(1, kNodeTable);
  AppendBigEndian(row, id.value());
  return row;
}

NodeId IdOfNodeRow(std::string_view row) {
  CHECK_EQ(row.size(), 1 + kWordBytes);
  CHECK_EQ(row[0], kNodeTable);
  return NodeId(BigEndianAt(row, 1));
}

std::string FeatureRow(std::string_view name) { return TableRow(kFeatureTable, name); }

std::string RequestRow(std::string_view request_id) { return TableRow(kRequestTable, request_id); }

std::string RequestPlaceRow(std::uint64_t place) {
  std::string row(1, kRequestPlaceTable);
  AppendBigEndian(row, place);
  return row;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

std::uint64_t ExpireMillis(std::uint64_t expire_at) {
  return expire_at <= kLargestSeconds ? expire_at * 1000 : expire_at;
}

}  // namespace metasrv::sm
