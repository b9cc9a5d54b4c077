#include "server/client_api.h"

#include "server/meta_service.h"

namespace metasrv::server {

struct ClientApi::Impl {
  Impl(const ServiceContext& services, const ClientLimits& limits) : service(services, limits) {}
  MetaServiceImpl service;
};

ClientApi::ClientApi(const ServiceContext& services, const ClientLimits& limits)
    : impl_(std::make_unique<Impl>(services, limits)) {}
ClientApi::~ClientApi() = default;

void ClientApi::Register(grpc::ServerBuilder& builder) { builder.RegisterService(&impl_->service); }

}  // namespace metasrv::server
