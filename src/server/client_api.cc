#include "server/client_api.h"

#include "server/meta_service.h"
#include "server/reflection.h"

namespace metasrv::server {

struct ClientApi::Impl {
  Impl(const ServiceContext& services, const ClientLimits& limits)
      : service(services, limits), reflection(services, {std::string(meta::MetaService::service_full_name())}) {}
  MetaServiceImpl service;
  Reflection reflection;
};

ClientApi::ClientApi(const ServiceContext& services, const ClientLimits& limits)
    : impl_(std::make_unique<Impl>(services, limits)) {}
ClientApi::~ClientApi() = default;

void ClientApi::Register(grpc::ServerBuilder& builder) {
  builder.RegisterService(&impl_->service);
  impl_->reflection.Register(builder);
}

}  // namespace metasrv::server
