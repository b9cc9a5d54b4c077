#include "server/grpc_server.h"

#include <absl/synchronization/mutex.h>
#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "server/bind_port.h"
#include "server/log.h"
#include "server/mixed_port.h"

namespace metasrv::server {
namespace {

// What all connections of a port may hold of unread requests, in messages of the largest size.
constexpr std::size_t kLargestMessagesBuffered = 16;
constexpr std::size_t kMessagesRemembered = 64;
constexpr std::chrono::seconds kRepetitionPause{10};

// Binds and lets go: gRPC does not say why it could not listen.
std::expected<void, std::string> CheckPortIsFree(const std::string& host, std::uint16_t port) {
  const auto bound = BindPort(host, port);
  if (!bound) return std::unexpected(bound.error());
  close(*bound);
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

// Whether that was said a moment ago: who knocks again and again must not fill the disk.
bool IsRepetition(const std::string& message) {
  using Clock = std::chrono::steady_clock;
  static std::mutex mutex;
  static auto& said = *new std::map<std::string, Clock::time_point>;  // gRPC's threads outlive everything
  const auto now = Clock::now();
  const std::lock_guard lock(mutex);
  if (said.size() >= kMessagesRemembered) said.clear();
  const auto [entry, is_new] = said.try_emplace(message, now);
  if (!is_new && now - entry->second < kRepetitionPause) return true;
  entry->second = now;
  return false;
}

void LogFromGrpc(gpr_log_func_args* args) {
  // Refused connections of peers that are down are daily life, and the transport reports them itself.
  const LogLevel level = args->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kWarn : LogLevel::kDebug;
  if (level == LogLevel::kWarn && IsRepetition(args->message)) return;
  Log(level, std::string("grpc: ") + args->message);
}

using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

MixedPort::Take Into(std::unique_ptr<Acceptor> acceptor) {
  return [acceptor = std::shared_ptr<Acceptor>(std::move(acceptor))](int connection) {
    Acceptor::NewConnectionParameters parameters;
    parameters.fd = connection;
    acceptor->HandleNewConnection(&parameters);
  };
}

}  // namespace

struct GrpcServer::Impl {
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<MixedPort> mixed;
  bool is_shut_down = false;

  std::expected<void, std::string> StartMixed(grpc::ServerBuilder& builder, const GrpcServerOptions& options,
                                              const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    auto listening = MixedPort::Listen(options.host, options.port);
    if (!listening) return std::unexpected(listening.error());
    using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
    auto tls = builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD, credentials);
    auto plain = builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD, grpc::InsecureServerCredentials());
    server = builder.BuildAndStart();
    if (server == nullptr) return std::unexpected("gRPC refuses to serve");
    mixed = std::move(*listening);
    mixed->Start(Into(std::move(tls)), Into(std::move(plain)));
    return {};
  }
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
  SetArguments(builder, options);
  configure(builder);
  auto impl = std::make_unique<Impl>();
  if (options.tls.enabled() && options.plain_text_too) {
    if (auto started = impl->StartMixed(builder, options, *credentials); !started) return failed(started.error());
    return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
  }
  int bound_port = 0;
  builder.AddListeningPort(address, *credentials, &bound_port);
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || bound_port == 0) return failed("the port could not be bound");
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

GrpcServer::~GrpcServer() { Shutdown(Duration()); }

void GrpcServer::Shutdown(Duration grace) {
  if (std::exchange(impl_->is_shut_down, true)) return;
  impl_->mixed.reset();
  impl_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::microseconds(grace.micros()));
  impl_->server->Wait();
}

void RouteGrpcLog() { gpr_set_log_function(LogFromGrpc); }

void TuneGrpc() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

}  // namespace metasrv::server
