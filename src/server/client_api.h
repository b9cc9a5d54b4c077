#pragma once

#include <cstddef>
#include <memory>

#include "server/limits.h"
#include "server/service_context.h"

namespace grpc {
class ServerBuilder;
}  // namespace grpc

namespace metasrv::server {

// What one client may take of this port.
struct ClientLimits {
  RequestLimits requests = {};
  std::size_t watches_per_connection_max = 16384;
};

// The services of the client port: `meta.MetaService` and reflection.
class ClientApi {
 public:
  explicit ClientApi(const ServiceContext& services, const ClientLimits& limits = {});
  ~ClientApi();
  ClientApi(const ClientApi&) = delete;
  ClientApi& operator=(const ClientApi&) = delete;

  void Register(grpc::ServerBuilder& builder);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::server
