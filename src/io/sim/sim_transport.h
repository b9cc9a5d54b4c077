#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "io/sim/sim_loop.h"
#include "io/sim/sim_network.h"
#include "io/transport.h"

namespace metasrv::io {

// The transport of one incarnation of a node. Its node must be registered with the network. A request to a node that is
// not there is answered "unreachable" over the same faulty network, as a refused connection would be.
class SimTransport : public Transport {
 public:
  // Network and loop outlive the transport.
  SimTransport(SimNetwork& network, SimLoop& loop, NodeId node);
  ~SimTransport() override;
  SimTransport(const SimTransport&) = delete;
  SimTransport& operator=(const SimTransport&) = delete;

  void Start(MessageHandler on_message, CallHandler on_call) override;
  void Send(const Endpoint& to, std::string bytes) override;
  void Call(const Endpoint& to, std::string request, Duration timeout, CallDone done) override;

 private:
  friend class SimNetwork;

  struct PendingCall {
    CallDone done;
    EventId timeout = 0;
  };

  [[nodiscard]] bool Alive() const;
  void Handle(SimNetwork::Flight flight);
  void HandleRequest(SimNetwork::Flight request);
  void EndCall(std::uint64_t call, CallEnd end, std::string text);

  SimNetwork& network_;
  SimLoop& loop_;
  std::uint32_t position_;
  bool started_ = false;
  MessageHandler on_message_;
  CallHandler on_call_;
  std::map<std::uint64_t, PendingCall> calls_;
};

}  // namespace metasrv::io
