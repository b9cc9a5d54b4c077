#pragma once

#include <memory>

#include "server/service_context.h"

namespace grpc {
class ServerBuilder;
}  // namespace grpc

namespace metasrv::server {

// The service of the client port, `meta.MetaService`.
class ClientApi {
 public:
  explicit ClientApi(const ServiceContext& services);
  ~ClientApi();
  ClientApi(const ClientApi&) = delete;
  ClientApi& operator=(const ClientApi&) = delete;

  void Register(grpc::ServerBuilder& builder);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::server
