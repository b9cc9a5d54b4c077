#include "io/real/grpc_outbound.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "common/check.h"

namespace metasrv::io {
namespace {

constexpr const char* kSecretHeader = "x-databend-meta-raft-secret";
// Messages that wait are packed into frames of about this size; a larger one travels alone.
constexpr std::size_t kFrameBytes = std::size_t{1} << 20U;
constexpr std::size_t kFrameOverhead = 64;

std::string TargetOf(const Endpoint& to) {
  const bool bare_ipv6 = to.host.find(':') != std::string::npos && !to.host.starts_with('[');
  return (bare_ipv6 ? "[" + to.host + "]" : to.host) + ":" + std::to_string(to.port);
}

grpc::ChannelArguments ArgumentsOf(const GrpcTransportOptions& options) {
  grpc::ChannelArguments arguments;
  // The answer to a write holds records before and after it, and must come back whatever its size.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(static_cast<int>(options.message_bytes_max));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(options.reconnect_min.millis()));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(options.reconnect_max.millis()));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);  // in gRPC this is how long one attempt may take
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 1000);
  // A peer behind a dead link is noticed in seconds, not after TCP's quarter of an hour.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 2000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  return arguments;
}

using Stubs = std::vector<std::unique_ptr<pb::PeerService::Stub>>;

Stubs Connect(const Endpoint& to, const GrpcTransportOptions& options) {
  Stubs stubs;
  const auto add = [&](const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    const auto channel = grpc::CreateCustomChannel(TargetOf(to), credentials, ArgumentsOf(options));
    stubs.push_back(pb::PeerService::NewStub(channel));
  };
  if (options.credentials) add(options.credentials);
  if (!options.credentials || options.plain_text_too) add(grpc::InsecureChannelCredentials());
  return stubs;
}

void AddSecret(const GrpcTransportOptions& options, grpc::ClientContext& context) {
  if (!options.secret.empty()) context.AddMetadata(kSecretHeader, options.secret);
}

// A call that was given to a connection knows the address at its other end; until then gRPC names what it was asked
// for.
CallEnd EndOf(const grpc::ClientContext& context, const grpc::Status& status) {
  if (status.ok()) return CallEnd::kAnswered;
  const std::string peer = context.peer();
  const bool was_given = peer.starts_with("ipv4:") || peer.starts_with("ipv6:");
  const bool failed_to_connect = status.error_code() == grpc::StatusCode::UNAVAILABLE && !was_given;
  return failed_to_connect ? CallEnd::kNotReached : CallEnd::kUnanswered;
}

std::string Explain(const GrpcTransportOptions& options, const std::string& reason) {
  return options.explain ? options.explain(reason) : reason;
}

}  // namespace

// One attempt at a stream; owns itself. A hold keeps it alive between writes, because those come from the outside.
//
// gRPC's threads must never own a link or a channel: the last channel to go joins those very threads. So streams and
// calls know their link by reference, and Shutdown waits for them.
class PeerLink::Stream final : public grpc::ClientWriteReactor<pb::PeerFrame> {
 public:
  // With the link's mutex held.
  explicit Stream(PeerLink& link) : link_(link), stub_(link.stub_) {
    AddSecret(link_.options_, context_);
    stub_->async()->Deliver(&context_, &response_, this);
    AddHold();
    StartCall();
  }

  // With the link's mutex held.
  void Write(pb::PeerFrame frame) {
    frame_ = std::move(frame);
    StartWrite(&frame_);
  }
  void End() {
    if (!std::exchange(ended_, true)) RemoveHold();
  }
  void Cancel() {
    context_.TryCancel();
    End();
  }

  [[nodiscard]] const pb::PeerService::Stub* stub() const { return stub_; }

  void OnWriteDone(bool ok) override { link_.OnWriteDone(ok); }
  void OnDone(const grpc::Status& status) override {
    link_.OnStreamDone(std::unique_ptr<Stream>(this), Explain(link_.options_, status.error_message()));
  }

 private:
  PeerLink& link_;
  pb::PeerService::Stub* const stub_;
  grpc::ClientContext context_;
  pb::PeerFrame response_;
  pb::PeerFrame frame_;
  bool ended_ = false;
};

struct PeerLink::PendingCall {
  pb::PeerService::Stub* stub = nullptr;
  grpc::ClientContext context;
  pb::PeerFrame request;
  pb::PeerFrame response;
  Transport::CallDone done;
};

PeerLink::PeerLink(const Endpoint& to, const GrpcTransportOptions& options, EventLoop& loop, const Clock& clock)
    : to_(to),
      options_(options),
      loop_(loop),
      clock_(clock),
      stubs_(Connect(to, options)),
      stub_(stubs_.front().get()),
      back_off_(options.reconnect_min) {}

PeerLink::~PeerLink() {
  CHECK(stream_ == nullptr);
  CHECK(calls_.empty());
}

void PeerLink::Send(std::string bytes) {
  const std::lock_guard lock(mutex_);
  const bool too_large = bytes.size() + kFrameOverhead > options_.message_bytes_max;
  const bool full = queue_.size() >= options_.queue_count_max || queue_bytes_ + bytes.size() > options_.queue_bytes_max;
  if (closed_ || too_large || full) {
    ++traffic_.dropped_messages;
    return;
  }
  queue_bytes_ += bytes.size();
  queue_.push_back(std::move(bytes));
  if (stream_ == nullptr && !backing_off_) stream_ = new Stream(*this);
  WriteNextFrame();
}

void PeerLink::WriteNextFrame() {
  if (queue_.empty() || stream_ == nullptr || writing_ || broken_) return;
  const std::size_t limit = std::min(kFrameBytes, options_.message_bytes_max / 2);
  pb::PeerFrame frame;
  std::size_t bytes = 0;
  for (bool first = true; !queue_.empty() && (first || bytes + queue_.front().size() <= limit); first = false) {
    bytes += queue_.front().size();
    *(first ? frame.mutable_data() : frame.add_more()) = std::move(queue_.front());
    queue_.pop_front();
    ++traffic_.sent_messages;
  }
  queue_bytes_ -= bytes;
  traffic_.sent_bytes += bytes;
  writing_ = true;
  stream_->Write(std::move(frame));
}

void PeerLink::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok || closed_) {
    broken_ = true;
    stream_->End();
    return;
  }
  traffic_.connected = true;
  back_off_ = options_.reconnect_min;
  reported_unreachable_ = false;
  WriteNextFrame();
}

void PeerLink::OnStreamDone(std::unique_ptr<Stream> stream, std::string reason) {
  const std::lock_guard lock(mutex_);
  // Under the mutex: nobody may reach a stream that is being destroyed.
  stream_ = nullptr;
  TurnFrom(stream->stub());
  stream.reset();
  broken_ = false;
  const bool was_connected = std::exchange(traffic_.connected, false);
  // What waited was meant for a conversation that is over.
  traffic_.dropped_messages += queue_.size();
  queue_.clear();
  queue_bytes_ = 0;
  if (!closed_) {
    ++traffic_.failures;
    if (!was_connected) ++traffic_.connect_failures;
    backing_off_ = true;
    loop_.Post([self = weak_from_this(), reason = std::move(reason)] {
      if (const auto link = self.lock()) link->BackOff(reason);
    });
  }
  quiet_.notify_all();
}

void PeerLink::TurnFrom(const pb::PeerService::Stub* failed) {
  for (const auto& other : stubs_) {
    if (stub_ == failed && other.get() != failed) stub_ = other.get();
  }
}

void PeerLink::BackOff(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  if (!std::exchange(reported_unreachable_, true) && options_.on_unreachable) options_.on_unreachable(to_, reason);
  loop_.RunAt(clock_.Now() + back_off_, [self = weak_from_this()] {
    if (const auto link = self.lock()) link->Retry();
  });
  back_off_ = std::min(back_off_ * 3 / 2, options_.reconnect_max);
}

void PeerLink::Retry() {
  const std::lock_guard lock(mutex_);
  backing_off_ = false;
  if (closed_ || queue_.empty()) return;
  stream_ = new Stream(*this);
  WriteNextFrame();
}

void PeerLink::Call(std::string request, Duration timeout, Transport::CallDone done) {
  auto call = std::make_unique<PendingCall>();
  AddSecret(options_, call->context);
  call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::microseconds(timeout.micros()));
  call->request.set_data(std::move(request));
  call->done = std::move(done);
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  calls_.insert(call.get());
  call->stub = stub_;
  PendingCall* const pending = call.release();  // OnCallDone takes it back
  pending->stub->async()->Call(
      &pending->context, &pending->request, &pending->response,
      [this, pending](const grpc::Status& status) { OnCallDone(std::unique_ptr<PendingCall>(pending), status); });
}

void PeerLink::OnCallDone(std::unique_ptr<PendingCall> call, const grpc::Status& status) {
  const CallEnd end = EndOf(call->context, status);
  std::unique_lock lock(mutex_);
  calls_.erase(call.get());
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) TurnFrom(call->stub);
  const bool report = !closed_;
  Transport::CallDone done = std::move(call->done);
  std::string text =
      status.ok() ? std::move(*call->response.mutable_data()) : Explain(options_, status.error_message());
  // It knows the channel, so that it must go while Shutdown waits.
  call.reset();
  if (report) {
    ++reporting_;
    lock.unlock();
    loop_.Dispatch([self = weak_from_this(), done = std::move(done), text = std::move(text), end]() mutable {
      const auto link = self.lock();
      if (link != nullptr && !link->Closed()) done(end, std::move(text));
    });
    lock.lock();
    --reporting_;
  }
  quiet_.notify_all();
}

bool PeerLink::Closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void PeerLink::Shutdown() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  if (stream_ != nullptr) stream_->Cancel();
  for (PendingCall* call : calls_) call->context.TryCancel();
  quiet_.wait(lock, [this] { return stream_ == nullptr && calls_.empty() && reporting_ == 0; });
}

PeerTraffic PeerLink::Traffic() const {
  const std::lock_guard lock(mutex_);
  return traffic_;
}

}  // namespace metasrv::io
