#include "bench/workload.h"

#include <algorithm>

namespace metasrv::bench {

std::expected<void, std::string> Workload::Perform(std::uint64_t, std::uint64_t, const CallTarget&) const {
  return std::unexpected("the operation is a single call");
}

std::string NumberedKey(const WorkloadOptions& options, std::uint64_t number) {
  std::string key = std::to_string(options.prefix) + "-";
  const std::string digits = std::to_string(number);
  if (key.size() + digits.size() < options.key_size) key.append(options.key_size - key.size() - digits.size(), '0');
  return key + digits;
}

std::string RandomValue(std::size_t size, Prng& random) {
  std::string value;
  value.reserve(size + 8);
  while (value.size() < size) {
    std::uint64_t bits = random.Next();
    for (int i = 0; i < 8; ++i, bits >>= 8U) value.push_back(static_cast<char>('!' + (bits & 63U)));
  }
  value.resize(size);
  return value;
}

}  // namespace metasrv::bench
