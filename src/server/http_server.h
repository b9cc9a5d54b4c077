#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "server/tls_files.h"

namespace metasrv::server {

struct HttpReply {
  int status = 200;
  std::string body;
  const char* content_type = "text/plain; charset=utf-8";
};

[[nodiscard]] inline HttpReply JsonReply(std::string body) {
  return {200, std::move(body), "application/json; charset=utf-8"};
}

using HttpQuery = std::multimap<std::string, std::string>;
// Called on one of the server's threads; may block.
using HttpRoutes = std::map<std::string, std::function<HttpReply(const HttpQuery&)>>;

struct HttpOptions {
  std::string address;  // "ip:port"
  TlsFiles tls = {};
};

// Answers GET and HEAD on fixed paths; anything else is 404 or 405 (operations.md §3.1).
class HttpServer {
 public:
  // Listens and serves on threads of its own. Files of TLS are read anew for every connection. Errors: the reason,
  // naming the address or the file.
  [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, std::string> Start(const HttpOptions& options,
                                                                                     HttpRoutes routes);
  // Stops and waits for the connections, idle ones included (20 seconds at most).
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Takes no more connections. Does not wait.
  void Stop();
  // Whether every connection has ended within `timeout_ms` after Stop().
  [[nodiscard]] bool WaitStopped(std::uint64_t timeout_ms);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::server
