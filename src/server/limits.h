#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace metasrv::pb {
class Command;
}  // namespace metasrv::pb

namespace metasrv::server {

// What one request of a client may ask for; generous, against mistakes rather than users. 0: no limit.
struct RequestLimits {
  std::uint64_t key_bytes_max = 64 * 1024;
  std::uint64_t value_bytes_max = 0;  // besides the limit on a message
  std::uint64_t txn_operations_max = 100'000;
};

// Why a write asks for too much, naming limit and remedy; none when it does not. Deletions are never refused for the
// length of a key.
[[nodiscard]] std::optional<std::string> WhyTooLarge(const pb::Command& command, const RequestLimits& limits);

}  // namespace metasrv::server
