#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <array>
#include <chrono>

#include "common/check.h"
#include "io/real/grpc_transport.h"
#include "server/grpc_tls.h"
#include "tests/io/pem_files.h"
#include "tests/io/transport_world.h"
#include "tests/support/pump_loop.h"

namespace metasrv::test {
namespace {

struct Security {
  std::shared_ptr<grpc::ServerCredentials> server = grpc::InsecureServerCredentials();
  std::shared_ptr<grpc::ChannelCredentials> channel = nullptr;
};

class GrpcTransportWorld final : public TransportWorld {
 public:
  explicit GrpcTransportWorld(Security security) : security_(std::move(security)) {}
  ~GrpcTransportWorld() override {
    for (std::size_t node = 0; node < kNodes; ++node) {
      if (nodes_[node].transport != nullptr) Down(node);
    }
  }

  void Up(std::size_t node, io::Transport::MessageHandler on_message, io::Transport::CallHandler on_call) override {
    Node& self = nodes_[node];
    io::GrpcTransportOptions options;
    options.credentials = security_.channel;
    self.transport = std::make_unique<io::GrpcTransport>(std::move(options), loop_, loop_.clock());
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(self.port), security_.server, &port);
    self.transport->Configure(builder);
    self.server = builder.BuildAndStart();
    CHECK(self.server != nullptr);
    self.port = port;
    self.transport->Start(std::move(on_message), std::move(on_call));
  }
  void Down(std::size_t node) override {
    Node& self = nodes_[node];
    self.transport->Shutdown();
    self.server->Shutdown();
    self.server.reset();
    self.transport.reset();
  }
  io::Transport& at(std::size_t node) override { return *nodes_[node].transport; }
  Endpoint endpoint(std::size_t node) const override {
    return {.host = "127.0.0.1", .port = static_cast<std::uint16_t>(nodes_[node].port)};
  }
  void RunUntil(const std::function<bool()>& done) override { loop_.RunUntil(done); }

 private:
  struct Node {
    int port = 0;  // any, at first
    std::unique_ptr<io::GrpcTransport> transport;
    std::unique_ptr<grpc::Server> server;
  };

  const Security security_;
  PumpLoop loop_;
  std::array<Node, kNodes> nodes_;
};

}  // namespace

std::unique_ptr<TransportWorld> MakeGrpcTransportWorld() { return std::make_unique<GrpcTransportWorld>(Security()); }

std::unique_ptr<TransportWorld> MakeTlsTransportWorld() {
  const PemFiles pems;  // read once, here
  auto server = server::MakeServerCredentials(pems.files());
  CHECK(server.has_value());
  return std::make_unique<GrpcTransportWorld>(Security{*server, server::MakeChannelCredentials(pems.files())});
}

}  // namespace metasrv::test
