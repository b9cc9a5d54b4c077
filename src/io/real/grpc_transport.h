#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "io/clock.h"
#include "io/event_loop.h"
#include "io/transport.h"

namespace grpc {
class ChannelCredentials;
class Service;
class ServerBuilder;
}  // namespace grpc

namespace metasrv::io {

// Judges the raft secret that came with a stream or call (config-and-cli.md §7.5): the text to refuse it with, or
// nothing. `secret` is unset when the header is absent; `from` is gRPC's name of the peer. Called on gRPC's threads.
using SecretCheck =
    std::function<std::optional<std::string>(const std::optional<std::string>& secret, const std::string& from)>;

struct GrpcTransportOptions {
  std::size_t message_bytes_max = std::size_t{32} << 20U;  // raft_grpc_max_message_size, of what is sent unasked
  std::size_t queue_count_max = 4096;                      // messages waiting for one peer
  std::size_t queue_bytes_max = std::size_t{64} << 20U;    // their bytes; also of what waits for this node's loop
  Duration reconnect_min = Duration::Millis(50);           // grows by half after each failure (operations.md §6.2)
  Duration reconnect_max = Duration::Seconds(1);
  std::string secret;                                     // sent with every stream and call unless empty
  SecretCheck check_secret;                               // none: everything is accepted
  std::shared_ptr<grpc::ChannelCredentials> credentials;  // to dial peers with; none: plain text
  bool plain_text_too = false;  // with credentials: whom they do not reach is dialled without them, in turn
  std::string server_name;      // expected in a peer's certificate; empty: the host of the endpoint
  // Adds to gRPC's reason for a failure what an operator should know. Called on any thread.
  std::function<std::string(std::string reason)> explain;
  // Called on the loop when a peer that was or might have been reachable is not, once until it is reachable again.
  std::function<void(const Endpoint& peer, const std::string& reason)> on_unreachable;
};

// Figures of one peer, counted by this process.
struct PeerTraffic {
  bool connected = false;
  std::uint64_t sent_messages = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t dropped_messages = 0;
  std::uint64_t failures = 0;          // streams that could not be opened, or broke
  std::uint64_t connect_failures = 0;  // of these, those over which nothing ever went
};

struct TransportStats {
  std::map<Endpoint, PeerTraffic> peers;
  std::uint64_t received_messages = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t receive_dropped_messages = 0;
};

// Peers talk over one long-lived gRPC stream per direction (proto/peer.proto). What waits while a frame is being
// written goes into the next frame, from gRPC's own threads; the node's loop only queues. Messages for a peer whose
// stream broke are dropped with it: Raft sends newer ones.
class GrpcTransport final : public Transport {
 public:
  // `loop` and `clock` outlive the transport.
  GrpcTransport(GrpcTransportOptions options, EventLoop& loop, const Clock& clock);
  // Calls Shutdown(). Requires: the server that service() was registered with is gone.
  ~GrpcTransport() override;
  GrpcTransport(const GrpcTransport&) = delete;
  GrpcTransport& operator=(const GrpcTransport&) = delete;

  void Start(MessageHandler on_message, CallHandler on_call) override;
  void Send(const Endpoint& to, std::string bytes) override;
  void Call(const Endpoint& to, std::string request, Duration timeout, CallDone done) override;

  // The receiving side, to be registered with the gRPC server on the raft port. Owned by the transport.
  [[nodiscard]] grpc::Service* service();

  // Registers service() and sets what peers rely on: message sizes, keepalive pings, no silent sharing of the port.
  void Configure(grpc::ServerBuilder& builder);

  // Ends all streams and calls, in and out, and waits until gRPC's threads have let go of them. Nothing is called back
  // any more. Call it before shutting the server down, or that waits for the peers. Idempotent. Requires: called on the
  // loop, or after it stopped.
  void Shutdown();

  // Thread-safe.
  [[nodiscard]] TransportStats Stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::io
