#include "server/client_api.h"

#include "server/meta_service.h"

namespace metasrv::server {

struct ClientApi::Impl {
  explicit Impl(const ServiceContext& services) : service(services) {}
  MetaServiceImpl service;
};

ClientApi::ClientApi(const ServiceContext& services) : impl_(std::make_unique<Impl>(services)) {}
ClientApi::~ClientApi() = default;

void ClientApi::Register(grpc::ServerBuilder& builder) { builder.RegisterService(&impl_->service); }

}  // namespace metasrv::server
