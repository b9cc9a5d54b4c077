#include "backup/pairing.h"

#include <algorithm>
#include <array>
#include <string>
#include <tuple>

#include "common/prng.h"

namespace metasrv::backup {
namespace {

std::uint64_t Mix(std::uint64_t number, std::uint64_t seed) {
  std::array<char, sizeof(number)> bytes{};
  for (char& byte : bytes) {
    byte = static_cast<char>(number & 0xff);
    number >>= 8;
  }
  return Hash64({bytes.data(), bytes.size()}, seed);
}

constexpr std::uint64_t kCheckSeed = 99;

void Sort(std::vector<Expiry>& expiries) {
  std::ranges::sort(expiries, [](const Expiry& a, const Expiry& b) {
    return std::tie(a.time_ms, a.seq) < std::tie(b.time_ms, b.seq);
  });
}

}  // namespace

std::size_t Pairing::Place(std::uint64_t id, std::size_t table) {
  return table * kCellsPerTable + Mix(id, table) % kCellsPerTable;
}

bool Pairing::IsSingle(const Cell& cell) {
  return (cell.count == 1 || cell.count == -1) && cell.check == Mix(cell.id, kCheckSeed);
}

void Pairing::Add(const Expiry& expiry, std::string_view key, std::int64_t sign) {
  Change(expiry, Mix(expiry.time_ms, Mix(expiry.seq, Hash64(key))), sign);
}

void Pairing::Change(const Expiry& expiry, std::uint64_t id, std::int64_t sign) {
  const std::uint64_t check = Mix(id, kCheckSeed);
  for (std::size_t table = 0; table < kTables; ++table) {
    Cell& cell = cells_[Place(id, table)];
    cell.count += sign;
    cell.id ^= id;
    cell.check ^= check;
    cell.time_ms ^= expiry.time_ms;
    cell.seq ^= expiry.seq;
  }
}

Pairing::Difference Pairing::Take() {
  Difference difference;
  for (bool found = true; found;) {
    found = false;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (!IsSingle(cells_[i])) continue;
      const Cell cell = cells_[i];
      const Expiry expiry{cell.time_ms, cell.seq};
      (cell.count > 0 ? difference.entries_without_record : difference.records_without_entry).push_back(expiry);
      Change(expiry, cell.id, -cell.count);
      found = true;
    }
  }
  difference.complete = std::ranges::all_of(cells_, [](const Cell& cell) { return cell.count == 0 && cell.id == 0; });
  Sort(difference.entries_without_record);
  Sort(difference.records_without_entry);
  return difference;
}

}  // namespace metasrv::backup
