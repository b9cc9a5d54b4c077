#include "server/http_server.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "server/config.h"

namespace metasrv::server {
namespace {

constexpr time_t kIdleSeconds = 20;
constexpr std::size_t kThreads = 16;
constexpr std::size_t kRequestsPerConnection = 1000;

std::string OsError(int error) {
  return std::string(std::strerror(error)) + " (os error " + std::to_string(error) + ")";
}

// A port must not be shared: a second process has to notice.
void SetSocketOptions(socket_t socket) {
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

bool IsLiteralAddress(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  return inet_pton(AF_INET, host.c_str(), &v4) == 1 || inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

std::string WithoutBrackets(std::string host) {
  if (host.starts_with('[') && host.ends_with(']')) return host.substr(1, host.size() - 2);
  return host;
}

// Gives a connection what is in the files now; 0 ends it.
int LoadFiles(SSL* connection, void* argument) {
  const auto& files = *static_cast<const TlsFiles*>(argument);
  if (SSL_use_certificate_chain_file(connection, files.cert.c_str()) != 1) return 0;
  if (SSL_use_PrivateKey_file(connection, files.key.c_str(), SSL_FILETYPE_PEM) != 1) return 0;
  if (files.ca.empty()) return 1;
  X509_STORE* const authorities = X509_STORE_new();
  const bool loaded = X509_STORE_load_file(authorities, files.ca.c_str()) == 1;
  SSL_set0_verify_cert_store(connection, authorities);
  return loaded ? 1 : 0;
}

// Requires: `files` outlive the context.
void UseTls(SSL_CTX& context, TlsFiles& files) {
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  SSL_CTX_set_cert_cb(&context, &LoadFiles, &files);
  if (files.ca.empty()) return;
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // Who connects again shows the certificate again.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);
}

}  // namespace

struct HttpServer::Impl {
  HttpRoutes routes;
  TlsFiles tls;
  std::unique_ptr<httplib::Server> server;
  std::thread thread;
  std::mutex mutex;
  std::condition_variable ended;
  bool has_ended = false;

  void Answer(const httplib::Request& request, httplib::Response& response) const {
    HttpReply reply{404, "not found"};
    if (request.method != "GET" && request.method != "HEAD") {
      reply = {405, "method not allowed"};
    } else if (const auto route = routes.find(request.path); route != routes.end()) {
      reply = route->second(request.params);
    }
    response.status = reply.status;
    response.set_content(reply.body, reply.content_type);
  }

  void Serve() {
    server->listen_after_bind();
    const std::lock_guard lock(mutex);
    has_ended = true;
    ended.notify_all();
  }

  void Configure() {
    server->set_socket_options(SetSocketOptions);
    server->set_keep_alive_timeout(kIdleSeconds);
    server->set_keep_alive_max_count(kRequestsPerConnection);
    server->set_tcp_nodelay(true);
    server->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    const auto answer = [this](const httplib::Request& request, httplib::Response& response) {
      Answer(request, response);
    };
    // HEAD goes to the handler of GET. The others are here so that their bodies are read before they are refused.
    constexpr const char* kEveryPath = ".*";
    server->Get(kEveryPath, answer);
    server->Post(kEveryPath, answer);
    server->Put(kEveryPath, answer);
    server->Patch(kEveryPath, answer);
    server->Delete(kEveryPath, answer);
    server->Options(kEveryPath, answer);
  }
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::expected<std::unique_ptr<HttpServer>, std::string> HttpServer::Start(const HttpOptions& options,
                                                                          HttpRoutes routes) {
  const auto address = SplitHostPort(options.address);
  if (!address || !IsLiteralAddress(WithoutBrackets(address->host))) {
    return std::unexpected("invalid socket address syntax while parsing " + options.address);
  }
  auto impl = std::make_unique<Impl>();
  impl->routes = std::move(routes);
  if (options.tls.enabled()) {
    if (auto checked = CheckTlsFiles(options.tls); !checked) return std::unexpected("TLS: " + checked.error());
    impl->tls = options.tls;
    impl->server = std::make_unique<httplib::SSLServer>([tls = &impl->tls](SSL_CTX& context) {
      UseTls(context, *tls);
      return true;
    });
  } else {
    impl->server = std::make_unique<httplib::Server>();
  }
  impl->Configure();
  errno = 0;
  if (!impl->server->bind_to_port(WithoutBrackets(address->host).c_str(), address->port)) {
    return std::unexpected("cannot listen on " + options.address + ": " + OsError(errno));
  }
  impl->thread = std::thread([raw = impl.get()] { raw->Serve(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::~HttpServer() {
  Stop();
  impl_->thread.join();
}

void HttpServer::Stop() { impl_->server->stop(); }

bool HttpServer::WaitStopped(std::uint64_t timeout_ms) {
  std::unique_lock lock(impl_->mutex);
  return impl_->ended.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return impl_->has_ended; });
}

}  // namespace metasrv::server
