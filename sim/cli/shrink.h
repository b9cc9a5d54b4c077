#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace metasrv::sim {

struct ShrinkResult {
  std::string property;                // that the seed breaks; empty: it passes, there is nothing to shrink
  std::vector<std::string> overrides;  // with these it still breaks the same property
  std::uint64_t runs = 0;
};

// Makes a failing run simpler: switches faults off, takes clients, request kinds, nodes and time away, one named option
// after the other, and keeps what still breaks the same property. Every run is a process of its own.
[[nodiscard]] ShrinkResult Shrink(std::uint64_t seed, std::vector<std::string> overrides, const std::string& mutant);

}  // namespace metasrv::sim
