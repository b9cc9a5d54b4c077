#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace metasrv::backup {

// A record that expires, as the expiry index and the record itself name it.
struct Expiry {
  std::uint64_t time_ms = 0;
  std::uint64_t seq = 0;

  friend bool operator==(const Expiry&, const Expiry&) = default;
};

// Which entries of the expiry index have no record and which records have no entry, in constant memory however many
// there are: an invertible Bloom lookup table. What comes from both sides cancels out; what is left over is found again
// as long as it is not more than about two thousand.
class Pairing {
 public:
  Pairing() : cells_(kTables * kCellsPerTable) {}

  void AddEntry(const Expiry& expiry, std::string_view key) { Add(expiry, key, 1); }
  void AddRecord(const Expiry& expiry, std::string_view key) { Add(expiry, key, -1); }

  struct Difference {
    std::vector<Expiry> entries_without_record;  // ascending
    std::vector<Expiry> records_without_entry;   // ascending
    bool complete = true;                        // false: there are more
  };
  // Called once, last.
  [[nodiscard]] Difference Take();

 private:
  static constexpr std::size_t kTables = 3;
  static constexpr std::size_t kCellsPerTable = 1024;

  // Sums over the elements that fall into it, so that one that comes alone can be read.
  struct Cell {
    std::int64_t count = 0;
    std::uint64_t id = 0;
    std::uint64_t check = 0;
    std::uint64_t time_ms = 0;
    std::uint64_t seq = 0;
  };

  void Add(const Expiry& expiry, std::string_view key, std::int64_t sign);
  void Change(const Expiry& expiry, std::uint64_t id, std::int64_t sign);
  [[nodiscard]] static std::size_t Place(std::uint64_t id, std::size_t table);
  [[nodiscard]] static bool IsSingle(const Cell& cell);

  std::vector<Cell> cells_;
};

}  // namespace metasrv::backup
