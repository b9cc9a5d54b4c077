#include "server/bind_port.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace metasrv::server {
namespace {

std::string OsError(int error) {
  return std::string(std::strerror(error)) + " (os error " + std::to_string(error) + ")";
}

}  // namespace

std::expected<int, std::string> BindPort(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0) {
    return std::unexpected(gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  const int socket_fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return std::unexpected(OsError(errno));
  const int on = 1;
  setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(socket_fd, found->ai_addr, found->ai_addrlen) == 0) return socket_fd;
  const int error = errno;
  close(socket_fd);
  return std::unexpected(OsError(error));
}

}  // namespace metasrv::server
