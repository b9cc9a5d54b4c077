#include "server/meta_service.h"

namespace metasrv::server {

grpc::ServerWriteReactor<grpc::ByteBuffer>* MetaServiceImpl::Watch(Context* context, const grpc::ByteBuffer* request) {
  const auto call = std::make_shared<WatchCall>(context, services_, watches_, request->Length());
  call->Start(CheckToken(*context, TokenRule::kWithLogin), *request);
  return call.get();
}

}  // namespace metasrv::server
