#pragma once

#include <cstdint>
#include <string>

namespace metasrv::ctl {

// "YYYY-MM-DDThh:mm:ss.mmm" of milliseconds since 1970, UTC.
[[nodiscard]] std::string UtcText(std::uint64_t millis);

// An expiry time in milliseconds; records of old hold seconds (kv-semantics.md §3).
[[nodiscard]] std::uint64_t ExpiryMillis(std::uint64_t expire_at);

// "500ms", "1.25s", "60s".
[[nodiscard]] std::string DurationText(std::uint64_t millis);

}  // namespace metasrv::ctl
