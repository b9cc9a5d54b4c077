#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "io/transport.h"

// What the contract tests of io::Transport need: a few nodes that come and go.
namespace metasrv::test {

class TransportWorld {
 public:
  static constexpr std::size_t kNodes = 3;

  virtual ~TransportWorld() = default;
  // Brings a node up, on the address that it will keep. Requires: it is down.
  virtual void Up(std::size_t node, io::Transport::MessageHandler on_message, io::Transport::CallHandler on_call) = 0;
  // The node dies. Requires: it is up.
  virtual void Down(std::size_t node) = 0;
  // Requires: the node is up.
  [[nodiscard]] virtual io::Transport& at(std::size_t node) = 0;
  // Requires: the node was up once.
  [[nodiscard]] virtual Endpoint endpoint(std::size_t node) const = 0;
  // Runs the event loops of all nodes until `done()` holds.
  virtual void RunUntil(const std::function<bool()>& done) = 0;
};

using MakeTransportWorld = std::unique_ptr<TransportWorld> (*)();

// GrpcTransport over the loopback interface.
[[nodiscard]] std::unique_ptr<TransportWorld> MakeGrpcTransportWorld();
// The same with the mutual TLS of a server.
[[nodiscard]] std::unique_ptr<TransportWorld> MakeTlsTransportWorld();
// SimTransport over a faultless simulated network.
[[nodiscard]] std::unique_ptr<TransportWorld> MakeSimTransportWorld();

}  // namespace metasrv::test
