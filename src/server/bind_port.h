#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace metasrv::server {

// A socket bound to a host, a name or an address, and a port that nobody else has. Errors: why it can not be had.
[[nodiscard]] std::expected<int, std::string> BindPort(const std::string& host, std::uint16_t port);

}  // namespace metasrv::server
