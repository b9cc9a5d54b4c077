#include "server/meta_service.h"
#include "server/status_text.h"
#include "sm/read.h"

namespace metasrv::server {
namespace {

// gRPC percent-encodes the brackets of an IPv6 address.
std::string DecodePercent(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view code = text.substr(i, 3);
    if (code == "%5B" || code == "%5D") {
      decoded += code == "%5B" ? '[' : ']';
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

}  // namespace

std::optional<std::string> PeerAddress(const std::string& peer) {
  for (const std::string_view scheme : {"ipv4:", "ipv6:"}) {
    if (peer.starts_with(scheme)) return DecodePercent(std::string_view(peer).substr(scheme.size()));
  }
  return std::nullopt;
}

grpc::ServerUnaryReactor* MetaServiceImpl::MemberList(Context* context, const meta::MemberListRequest* request,
                                                      meta::MemberListReply* reply) {
  const UnaryCall call(context, services_.metrics, CallKind::kOther, request->ByteSizeLong());
  if (auto allowed = Admit(*context, *request); !allowed) return call.Fail(allowed.error()), call.reactor();
  services_.node.Run([call, reply](node::Node& node) {
    for (const auto& [id, record] : sm::ReadNodes(*node.LocalState())) {
      reply->add_data(record.grpc_api_advertise_address());
    }
    call.Succeed(reply->ByteSizeLong());
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* MetaServiceImpl::GetClusterStatus(Context* context, const meta::Empty* request,
                                                            meta::ClusterStatus* reply) {
  const UnaryCall call(context, services_.metrics, CallKind::kOther, request->ByteSizeLong());
  if (auto allowed = Admit(*context, *request, TokenRule::kWithLogin); !allowed) {
    return call.Fail(allowed.error()), call.reactor();
  }
  services_.node.Run([call, reply](node::Node& node) {
    *reply = MakeClusterStatus(node.status());
    call.Succeed(reply->ByteSizeLong());
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* MetaServiceImpl::GetClientInfo(Context* context, const meta::Empty* request,
                                                         meta::ClientInfo* reply) {
  const UnaryCall call(context, services_.metrics, CallKind::kOther, request->ByteSizeLong());
  if (auto allowed = Admit(*context, *request, TokenRule::kWithLogin); !allowed) {
    return call.Fail(allowed.error()), call.reactor();
  }
  const auto address = PeerAddress(context->peer());
  if (!address) return call.Fail({CallCode::kUnavailable, "can not get client ip address"}), call.reactor();
  reply->set_client_addr(*address);
  reply->set_server_time(services_.clock.WallNow().value());
  call.Succeed(reply->ByteSizeLong());
  return call.reactor();
}

}  // namespace metasrv::server
