#pragma once

#include <grpcpp/channel.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "io/clock.h"
#include "io/event_loop.h"
#include "io/real/grpc_transport.h"
#include "peer.grpc.pb.h"

namespace metasrv::io {

// The sending side towards one endpoint: a queue, the stream that empties it, and calls over the same connection.
class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  PeerLink(const Endpoint& to, const GrpcTransportOptions& options, EventLoop& loop, const Clock& clock);
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;
  ~PeerLink();

  // On the loop.
  void Send(std::string bytes);
  void Call(std::string request, Duration timeout, Transport::CallDone done);

  // Cancels everything and waits until gRPC has let go of it.
  void Shutdown();

  [[nodiscard]] PeerTraffic Traffic() const;

 private:
  class Stream;
  struct PendingCall;

  // With the mutex held: packs what waits into one frame, if the stream can take one.
  void WriteNextFrame();

  // On gRPC's threads.
  void OnWriteDone(bool ok);
  void OnStreamDone(std::unique_ptr<Stream> stream, std::string reason);
  // The other way to speak to the peer, if there is one, after `failed` did not work.
  void TurnFrom(const pb::PeerService::Stub* failed);
  void OnCallDone(std::unique_ptr<PendingCall> call, const grpc::Status& status);

  // On the loop.
  void BackOff(const std::string& reason);
  void Retry();

  [[nodiscard]] bool Closed() const;

  const Endpoint to_;
  const GrpcTransportOptions& options_;
  EventLoop& loop_;
  const Clock& clock_;
  const std::vector<std::unique_ptr<pb::PeerService::Stub>> stubs_;  // ways to speak to the peer

  mutable std::mutex mutex_;
  pb::PeerService::Stub* stub_;  // the one in use
  std::condition_variable quiet_;
  bool closed_ = false;
  std::deque<std::string> queue_;
  std::size_t queue_bytes_ = 0;
  Stream* stream_ = nullptr;  // owns itself until OnStreamDone
  bool writing_ = false;      // a frame is on its way
  bool broken_ = false;       // the stream takes no more frames
  bool backing_off_ = false;  // there is no stream until Retry
  Duration back_off_;
  bool reported_unreachable_ = false;
  std::set<PendingCall*> calls_;
  std::size_t reporting_ = 0;  // calls that have ended and are being reported
  PeerTraffic traffic_;
};

}  // namespace metasrv::io
