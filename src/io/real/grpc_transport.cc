#include "io/real/grpc_transport.h"

#include <grpcpp/server_builder.h>

#include <map>
#include <mutex>
#include <utility>

#include "common/check.h"
#include "io/real/grpc_inbound.h"
#include "io/real/grpc_outbound.h"

namespace metasrv::io {

class GrpcTransport::Impl {
 public:
  Impl(GrpcTransportOptions options, EventLoop& loop, const Clock& clock)
      : options_(std::move(options)),
        loop_(loop),
        clock_(clock),
        inbox_(std::make_shared<Inbox>(loop, options_.queue_bytes_max)),
        service_(inbox_, options_.check_secret) {}

  PeerLink& LinkTo(const Endpoint& to) {
    const std::lock_guard lock(mutex_);
    auto& link = links_[to];
    if (link == nullptr) link = std::make_shared<PeerLink>(to, options_, loop_, clock_);
    return *link;
  }

  void Shutdown() {
    closed_ = true;
    inbox_->Close();
    service_.Shutdown();
    for (const auto& [to, link] : links_) link->Shutdown();
  }

  TransportStats Stats() const {
    TransportStats stats;
    inbox_->AddTo(stats);
    const std::lock_guard lock(mutex_);
    for (const auto& [to, link] : links_) stats.peers.emplace(to, link->Traffic());
    return stats;
  }

  void Configure(grpc::ServerBuilder& builder) {
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes_max));
    builder.SetMaxSendMessageSize(-1);  // answers
    // Peers ping every two seconds; without this the server would call that an attack.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 500);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.RegisterService(&service_);
  }

  Inbox& inbox() { return *inbox_; }
  PeerServiceImpl& service() { return service_; }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  const GrpcTransportOptions options_;
  EventLoop& loop_;
  const Clock& clock_;
  const std::shared_ptr<Inbox> inbox_;
  PeerServiceImpl service_;
  bool closed_ = false;  // of the loop
  mutable std::mutex mutex_;
  std::map<Endpoint, std::shared_ptr<PeerLink>> links_;  // changed by the loop, under the mutex
};

GrpcTransport::GrpcTransport(GrpcTransportOptions options, EventLoop& loop, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), loop, clock)) {}

GrpcTransport::~GrpcTransport() { Shutdown(); }

void GrpcTransport::Start(MessageHandler on_message, CallHandler on_call) {
  impl_->inbox().Open(std::move(on_message), std::move(on_call));
}

void GrpcTransport::Send(const Endpoint& to, std::string bytes) {
  if (!impl_->closed()) impl_->LinkTo(to).Send(std::move(bytes));
}

void GrpcTransport::Call(const Endpoint& to, std::string request, Duration timeout, CallDone done) {
  if (!impl_->closed()) impl_->LinkTo(to).Call(std::move(request), timeout, std::move(done));
}

grpc::Service* GrpcTransport::service() { return &impl_->service(); }
void GrpcTransport::Configure(grpc::ServerBuilder& builder) { impl_->Configure(builder); }
void GrpcTransport::Shutdown() { impl_->Shutdown(); }
TransportStats GrpcTransport::Stats() const { return impl_->Stats(); }

}  // namespace metasrv::io
