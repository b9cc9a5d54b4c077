#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "common/time.h"
#include "server/grpc_tls.h"

namespace grpc {
class ServerBuilder;
}  // namespace grpc

namespace metasrv::server {

struct GrpcServerOptions {
  std::string host = {};  // name or address to listen on
  std::uint16_t port = 0;
  std::size_t message_bytes_max = std::size_t{32} << 20U;  // of a request
  std::uint64_t streams_per_connection_max = 0;            // calls at a time; 0: no limit
  TlsFiles tls = {};
  bool plain_text_too = false;  // with TLS, plain text is served as well
};

// One listening gRPC port. Refuses to share its port with another process.
class GrpcServer {
 public:
  using Configure = std::function<void(grpc::ServerBuilder&)>;

  // `configure` registers the services, which must outlive the server. Errors: the reason, naming the address.
  [[nodiscard]] static std::expected<std::unique_ptr<GrpcServer>, std::string> Start(const GrpcServerOptions& options,
                                                                                     const Configure& configure);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Takes no more calls, gives running ones `grace` to end, aborts the rest and waits for them. Idempotent.
  void Shutdown(Duration grace);

 private:
  struct Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Sends what gRPC itself has to say to the log instead of stderr.
void RouteGrpcLog();

// Switches off what gRPC's libraries do for their own developers: looking for deadlocks at every lock.
void TuneGrpc();

}  // namespace metasrv::server
