#include "common/crc32c.h"

#include <array>
#include <cstddef>

namespace metasrv {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected
constexpr std::size_t kLanes = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kLanes>;

// tables[k][b]: the effect of byte b followed by k zero bytes.
constexpr Tables MakeTables() {
  Tables tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][b] = crc;
  }
  for (std::size_t k = 1; k < kLanes; ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint32_t before = tables[k - 1][b];
      tables[k][b] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

std::uint32_t ByteAt(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

}  // namespace

std::uint32_t Crc32c(std::string_view bytes, std::uint32_t crc) {
  crc = ~crc;
  for (; bytes.size() >= kLanes; bytes.remove_prefix(kLanes)) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::uint32_t mixed = i < 4 ? ((crc >> (8 * i)) & 0xff) : 0;
      next ^= kTables[kLanes - 1 - i][ByteAt(bytes, i) ^ mixed];
    }
    crc = next;
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) crc = (crc >> 8) ^ kTables[0][(crc ^ ByteAt(bytes, i)) & 0xff];
  return ~crc;
}

}  // namespace metasrv
