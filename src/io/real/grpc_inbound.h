#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "io/event_loop.h"
#include "io/real/grpc_transport.h"
#include "peer.grpc.pb.h"

namespace metasrv::io {

// What came in and waits for the loop: one task carries over everything that arrived meanwhile.
class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
  Inbox(EventLoop& loop, std::size_t bytes_max) : loop_(loop), bytes_max_(bytes_max) {}

  // On the loop.
  void Open(Transport::MessageHandler on_message, Transport::CallHandler on_call);
  void Close();

  // On any thread. A full or closed inbox drops the message.
  void Put(pb::PeerFrame frame);
  void PutCall(std::string request, Transport::Responder respond);
  void AddTo(TransportStats& stats) const;

 private:
  void Add(std::string bytes);
  void Drain();

  EventLoop& loop_;
  const std::size_t bytes_max_;
  Transport::MessageHandler on_message_;  // of the loop
  Transport::CallHandler on_call_;        // of the loop
  bool open_ = false;                     // of the loop

  mutable std::mutex mutex_;
  std::vector<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool drain_posted_ = false;
  std::uint64_t received_messages_ = 0;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t dropped_messages_ = 0;
};

// The receiving side of peer.proto.
class PeerServiceImpl final : public pb::PeerService::CallbackService {
 public:
  PeerServiceImpl(std::shared_ptr<Inbox> inbox, SecretCheck check_secret);
  ~PeerServiceImpl() override;

  // Ends what is running and refuses what comes. Idempotent.
  void Shutdown();

 private:
  class Receiver;
  class PendingReply;

  grpc::ServerReadReactor<pb::PeerFrame>* Deliver(grpc::CallbackServerContext* context,
                                                  pb::PeerFrame* response) override;
  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context, const pb::PeerFrame* request,
                                 pb::PeerFrame* response) override;
  // OK, or why this caller is not served.
  grpc::Status Admit(const grpc::CallbackServerContext& context);
  bool Register(grpc::CallbackServerContext* context);
  void Unregister(grpc::CallbackServerContext* context);
  bool Register(const std::shared_ptr<PendingReply>& reply);

  std::shared_ptr<Inbox> inbox_;
  const SecretCheck check_secret_;
  std::mutex mutex_;
  bool closed_ = false;
  std::set<grpc::CallbackServerContext*> streams_;
  std::vector<std::weak_ptr<PendingReply>> replies_;
};

}  // namespace metasrv::io
