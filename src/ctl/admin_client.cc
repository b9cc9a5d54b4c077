#include "ctl/admin_client.h"

#include <httplib.h>

#include <charconv>
#include <chrono>

namespace metasrv::ctl {

std::optional<HostPort> SplitAddress(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  HostPort result{address.substr(0, colon), 0};
  const char* end = address.data() + address.size();
  const auto [stop, error] = std::from_chars(address.data() + colon + 1, end, result.port);
  if (error != std::errc{} || stop != end) return std::nullopt;
  if (result.host.starts_with('[') && result.host.ends_with(']'))
    result.host = result.host.substr(1, result.host.size() - 2);
  return result;
}

std::expected<std::string, std::string> AdminGet(const std::string& address, const std::string& path) {
  const auto target = SplitAddress(address);
  if (!target) return std::unexpected("invalid address: " + address);
  httplib::Client client(target->host, target->port);
  client.set_read_timeout(
      std::chrono::hours(24));  // no time-out of the tool's own: the server decides how long it takes
  const auto response = client.Get(path.c_str());
  if (!response) {
    return std::unexpected("error sending request for url (http://" + address + path +
                           "): " + httplib::to_string(response.error()));
  }
  if (response->status < 200 || response->status > 299) {
    return std::unexpected("status code: " + std::to_string(response->status) + " " + response->reason +
                           ", msg: " + response->body);
  }
  return response->body;
}

std::string QueryEscape(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string result;
  for (const unsigned char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (plain) {
      result.push_back(static_cast<char>(c));
    } else {
      result += {'%', kHex[c >> 4], kHex[c & 15]};
    }
  }
  return result;
}

}  // namespace metasrv::ctl
