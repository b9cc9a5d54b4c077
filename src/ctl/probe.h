#pragma once

#include <expected>
#include <string>

namespace metasrv::ctl {

// Whether some server listens at `address` ("host:port"): every address that it resolves to is tried with a plain
// connect, IPv4 and IPv6. `warnings` gets one line for each that refuses (metactl.md §4.10).
[[nodiscard]] std::expected<void, std::string> ProbeServer(const std::string& address, std::string* warnings);

}  // namespace metasrv::ctl
