#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

namespace metasrv::ctl {

// "host:port" or "[v6]:port" in its two parts; none when it is neither.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] std::optional<HostPort> SplitAddress(const std::string& address);

// GET http://<address><path> on a node's admin port: the body of a 2xx answer. An address that begins with "https://"
// is spoken to with TLS, as `Access` says. Errors: "status code: <code> <reason>, msg: <body>" (metactl.md §1.3), or
// why nobody answered.
[[nodiscard]] std::expected<std::string, std::string> AdminGet(const std::string& address, const std::string& path);

// `text` as it may stand in the query of a path.
[[nodiscard]] std::string QueryEscape(const std::string& text);

}  // namespace metasrv::ctl
