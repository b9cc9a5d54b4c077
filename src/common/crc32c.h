#pragma once

#include <cstdint>
#include <string_view>

namespace metasrv {

// CRC-32C (Castagnoli, RFC 3720 §B.4) of `bytes`; `crc` is that of the bytes before them.
[[nodiscard]] std::uint32_t Crc32c(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace metasrv
