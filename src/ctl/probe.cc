#include "ctl/probe.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "ctl/admin_client.h"

namespace metasrv::ctl {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

bool Accepts(const addrinfo& target) {
  const int fd = socket(target.ai_family, target.ai_socktype, target.ai_protocol);
  if (fd < 0) return false;
  const bool ok = connect(fd, target.ai_addr, target.ai_addrlen) == 0;
  close(fd);
  return ok;
}

std::string NumericAddress(const addrinfo& target) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  getnameinfo(target.ai_addr, target.ai_addrlen, host.data(), host.size(), port.data(), port.size(),
              NI_NUMERICHOST | NI_NUMERICSERV);
  const bool v6 = target.ai_family == AF_INET6;
  return (v6 ? "[" : "") + std::string(host.data()) + (v6 ? "]:" : ":") + port.data();
}

}  // namespace

std::expected<void, std::string> ProbeServer(const std::string& address, std::string* warnings) {
  const auto target = SplitAddress(address);
  if (!target) return std::unexpected("invalid address: " + address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(target->host.c_str(), std::to_string(target->port).c_str(), &hints, &found);
      code != 0) {
    return std::unexpected("failed to resolve " + address + ": " + gai_strerror(code));
  }
  const Addresses all(found, &freeaddrinfo);
  for (const addrinfo* one = all.get(); one != nullptr; one = one->ai_next) {
    if (Accepts(*one)) return {};
    *warnings += "WARN: " + NumericAddress(*one) + " is not available\n";
  }
  return std::unexpected("no metasrv running on: " + address);
}

}  // namespace metasrv::ctl
