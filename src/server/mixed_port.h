#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

namespace metasrv::server {

// A listening port on which some speak TLS and some plain text, told apart by the first byte that they send: for a
// cluster on its way from one to the other.
class MixedPort {
 public:
  // Gets a connection, which is its own from then on, with nothing read from it. Called on the port's thread.
  using Take = std::function<void(int connection)>;

  // Errors: why the port can not be had.
  [[nodiscard]] static std::expected<std::unique_ptr<MixedPort>, std::string> Listen(const std::string& host,
                                                                                     std::uint16_t port);
  // Takes no more connections.
  ~MixedPort();
  MixedPort(const MixedPort&) = delete;
  MixedPort& operator=(const MixedPort&) = delete;

  void Start(Take tls, Take plain);

 private:
  class Impl;
  explicit MixedPort(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::server
