// Any bytes as a row of the log (io/real/log_codec.h): refused as damaged, or read and written as the same. The first
// byte says which row. Nearly no bytes have the right checksum, so they are also tried with one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"
#include "common/prng.h"
#include "io/real/log_codec.h"

namespace metasrv::io {
namespace {

constexpr std::size_t kNumberBytes = 8;

// `bytes` behind the checksum that the codec puts before them when `head_bytes` of them are the head.
std::string Sealed(std::string_view key, std::string_view bytes, std::size_t head_bytes) {
  const std::string_view head = bytes.substr(0, head_bytes);
  const std::string_view payload = bytes.substr(head.size());
  const std::uint64_t sum = Hash64(payload, Hash64(head, Hash64(key)));
  std::string value;
  for (int shift = 56; shift >= 0; shift -= 8) value.push_back(static_cast<char>(sum >> shift));
  return value.append(bytes);
}

// `decode` and `encode` of one kind of row, whose head has `head_bytes` bytes.
void Check(std::string_view key, std::string_view bytes, std::size_t head_bytes, auto decode, auto encode) {
  for (const std::string& value : {std::string(bytes), Sealed(key, bytes, head_bytes)}) {
    const auto read = decode(value);
    if (!read) {
      CHECK(read.error().kind == ErrorKind::kCorrupt);
      CHECK(!read.error().detail.empty());
      continue;
    }
    const auto again = decode(encode(*read));
    CHECK(again.has_value());
    CHECK_EQ(encode(*again), encode(*read));
  }
}

void CheckEntry(std::string_view bytes) {
  const std::string key = NumberedKey(kEntryTable, 7);
  Check(
      key, bytes, 1 + 2 * kNumberBytes, [&](std::string_view value) { return DecodeEntry(key, value); },
      [&](const Entry& entry) { return EncodeEntryHead(key, entry) + std::string(EntryPayload(entry)); });
}

void CheckExtent(std::string_view bytes) {
  const std::string key = NumberedKey(kBatchTable, 7);
  Check(
      key, bytes, 2 * kNumberBytes + 1, [&](std::string_view value) { return DecodeExtent(key, value); },
      [&](const LogExtent& extent) { return EncodeExtent(key, extent); });
}

void CheckLogId(std::string_view key, std::string_view bytes) {
  Check(
      key, bytes, 3 * kNumberBytes, [&](std::string_view value) { return DecodeLogId(key, value); },
      [&](const LogId& id) { return EncodeLogId(key, id); });
}

// The first bytes as the key of an entry.
void CheckKey(std::string_view bytes) {
  const std::string_view key = bytes.substr(0, bytes.size() < 9 ? bytes.size() : 9);
  const auto number = NumberOfKey(key);
  if (number) CHECK_EQ(NumberedKey(key[0], *number), key);
  static_cast<void>(DecodeEntry(key, bytes.substr(key.size())));
}

void CheckRow(std::uint8_t kind, std::string_view bytes) {
  switch (kind % 8) {
    case 0: return CheckExtent(bytes);
    case 1: return CheckLogId(kCommittedRow, bytes);
    case 2: return CheckLogId(kPurgedRow, bytes);
    case 3: return Check(kHardStateRow, bytes, 2 * kNumberBytes + 1, DecodeHardState, EncodeHardState);
    case 4: return Check(kNodeIdRow, bytes, kNumberBytes, DecodeNodeId, EncodeNodeId);
    case 5: return Check(kIncarnationRow, bytes, kNumberBytes, DecodeIncarnation, EncodeIncarnation);
    case 6: return CheckKey(bytes);
    default: return CheckEntry(bytes);
  }
}

}  // namespace
}  // namespace metasrv::io

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  metasrv::io::CheckRow(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
