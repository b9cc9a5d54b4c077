#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <array>
#include <chrono>

#include "common/check.h"
#include "io/real/grpc_transport.h"
#include "tests/io/transport_world.h"
#include "tests/support/pump_loop.h"

namespace metasrv::test {
namespace {

class GrpcTransportWorld final : public TransportWorld {
 public:
  ~GrpcTransportWorld() override {
    for (std::size_t node = 0; node < kNodes; ++node) {
      if (nodes_[node].transport != nullptr) Down(node);
    }
  }

  void Up(std::size_t node, io::Transport::MessageHandler on_message, io::Transport::CallHandler on_call) override {
    Node& self = nodes_[node];
    self.transport = std::make_unique<io::GrpcTransport>(io::GrpcTransportOptions(), loop_, loop_.clock());
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(self.port), grpc::InsecureServerCredentials(), &port);
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

  PumpLoop loop_;
  std::array<Node, kNodes> nodes_;
};

}  // namespace

std::unique_ptr<TransportWorld> MakeGrpcTransportWorld() { return std::make_unique<GrpcTransportWorld>(); }

}  // namespace metasrv::test
