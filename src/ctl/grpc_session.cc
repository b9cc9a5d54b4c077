#include "ctl/grpc_session.h"

#include <chrono>
#include <iterator>

#include "auth.pb.h"
#include "common/version.h"

namespace metasrv::ctl {
namespace {

constexpr int kMessageBytesMax = 32 * 1024 * 1024;

}  // namespace

std::expected<std::unique_ptr<meta::MetaService::Stub>, std::string> OpenStub(const std::string& address,
                                                                              const Access& access) {
  auto credentials = access.Credentials();
  if (!credentials) return std::unexpected(credentials.error());
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // a line of an export may be longer than any request
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!access.tls_domain.empty()) arguments.SetSslTargetNameOverride(access.tls_domain);
  return meta::MetaService::NewStub(grpc::CreateCustomChannel(address, *credentials, arguments));
}

std::string ErrorText(const grpc::Status& status) {
  static constexpr const char* kNames[] = {
      "Ok",       "Cancelled",      "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const auto code = static_cast<std::size_t>(status.error_code());
  const std::string name = code < std::size(kNames) ? kNames[code] : std::to_string(code);
  return "gRPC error: status: " + name + ", message: " + status.error_message();
}

std::expected<Session, std::string> Handshake(meta::MetaService::Stub& stub, const Access& access,
                                              std::optional<Duration> timeout) {
  grpc::ClientContext context;
  if (timeout) SetDeadline(context, *timeout);
  pb::BasicAuth auth;
  auth.set_username(access.user);
  auth.set_password(access.password);
  meta::HandshakeRequest request;
  request.set_protocol_version(kProtocolVersionDigits);
  request.set_payload(auth.SerializeAsString());
  auto stream = stub.Handshake(&context);
  stream->Write(request);
  stream->WritesDone();
  meta::HandshakeResponse response;
  const bool answered = stream->Read(&response);
  if (const auto status = stream->Finish(); !status.ok()) return std::unexpected(ErrorText(status));
  if (!answered) return std::unexpected("gRPC error: the server ended the handshake without an answer");
  return Session{response.payload(), response.protocol_version()};
}

void SetDeadline(grpc::ClientContext& context, Duration timeout) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::microseconds(timeout.micros()));
}

}  // namespace metasrv::ctl
