#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "log.pb.h"

namespace metasrv::sim {

// Where a command carries the client's token: at the start of what it stores; without a value, in an expiry that a time
// to live overrules; in a transaction, in the key of a first read that finds nothing.
inline constexpr std::uint64_t kTokenExpiry = 1'000'000'000'000'000;
inline constexpr std::string_view kTokenKey = "~";

inline constexpr std::string_view kKeys = "k/";
inline constexpr std::string_view kCounters = "c/";
inline constexpr std::string_view kSequences = "q/";

inline std::string TokenValue(std::uint64_t token) { return std::to_string(token) + "|v"; }

inline std::uint64_t LeadingNumber(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

inline std::uint64_t TokenOf(const meta::TxnOp& operation) {
  const std::string& key = operation.get().key();
  return key.starts_with(kTokenKey) ? LeadingNumber(std::string_view(key).substr(kTokenKey.size())) : 0;
}

inline void SetToken(std::uint64_t token, meta::TxnOp& operation) {
  operation.mutable_get()->set_key(std::string(kTokenKey) + std::to_string(token));
}

}  // namespace metasrv::sim
