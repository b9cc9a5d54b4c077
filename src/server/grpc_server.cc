#include "server/grpc_server.h"

#include <absl/synchronization/mutex.h>
#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "server/log.h"

namespace metasrv::server {
namespace {

// What all connections of a port may hold of unread requests, in messages of the largest size.
constexpr std::size_t kLargestMessagesBuffered = 16;

std::string OsError(int error) {
  return std::string(std::strerror(error)) + " (os error " + std::to_string(error) + ")";
}

// Binds and lets go: gRPC does not say why it could not listen.
std::expected<void, std::string> CheckPortIsFree(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0) {
    return std::unexpected(gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  const int socket_fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return std::unexpected(OsError(errno));
  const int on = 1;
  setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int error = bind(socket_fd, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  close(socket_fd);
  if (error != 0) return std::unexpected(OsError(error));
  return {};
}

// Clients may ping or not as they like, and idle streams stay open (grpc-api.md §1.2).
void SetArguments(grpc::ServerBuilder& builder, const GrpcServerOptions& options) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes_max));
  // One line of an export may be longer than its record was, and a backup must always be possible.
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // gRPC takes in a message that is too large before it refuses it; over the quota it aborts the largest calls instead.
  builder.SetResourceQuota(
      grpc::ResourceQuota("requests").Resize(kLargestMessagesBuffered * options.message_bytes_max));
  if (options.streams_per_connection_max > 0) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options.streams_per_connection_max));
  }
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  // No compression is offered, none accepted.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
    builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
  }
}

void LogFromGrpc(gpr_log_func_args* args) {
  // Refused connections of peers that are down are daily life, and the transport reports them itself.
  const LogLevel level = args->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kWarn : LogLevel::kDebug;
  Log(level, std::string("grpc: ") + args->message);
}

}  // namespace

struct GrpcServer::Impl {
  std::unique_ptr<grpc::Server> server;
  bool is_shut_down = false;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::expected<std::unique_ptr<GrpcServer>, std::string> GrpcServer::Start(const GrpcServerOptions& options,
                                                                          const Configure& configure) {
  const std::string address = options.host + ":" + std::to_string(options.port);
  const auto failed = [&address](const std::string& why) {
    return std::unexpected("cannot listen on " + address + ": " + why);
  };
  auto credentials = MakeServerCredentials(options.tls);
  if (!credentials) return std::unexpected(credentials.error());
  if (auto is_free = CheckPortIsFree(options.host, options.port); !is_free) return failed(is_free.error());
  grpc::ServerBuilder builder;
  int bound_port = 0;
  SetArguments(builder, options);
  builder.AddListeningPort(address, *credentials, &bound_port);
  configure(builder);
  auto impl = std::make_unique<Impl>();
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || bound_port == 0) return failed("the port could not be bound");
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

GrpcServer::~GrpcServer() { Shutdown(Duration()); }

void GrpcServer::Shutdown(Duration grace) {
  if (std::exchange(impl_->is_shut_down, true)) return;
  impl_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::microseconds(grace.micros()));
  impl_->server->Wait();
}

void RouteGrpcLog() { gpr_set_log_function(LogFromGrpc); }

void TuneGrpc() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

}  // namespace metasrv::server
