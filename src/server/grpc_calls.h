#pragma once

// Private to the gRPC part of this layer: reactors that keep the three rules of response shape (grpc-api.md §1.3).

#include <grpcpp/grpcpp.h>

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "request_traits.h"
#include "server/background_thread.h"
#include "server/call_error.h"
#include "server/metrics.h"
#include "server/request_log.h"

namespace metasrv::server {

inline constexpr const char* kLeaderHintHeader = "x-databend-meta-leader-grpc-endpoint";
inline constexpr const char* kRequestIdHeader = "x-databend-meta-request-id";
inline constexpr const char* kTokenHeader = "auth-token-bin";

[[nodiscard]] inline grpc::Status ToStatus(const CallError& error) {
  return {static_cast<grpc::StatusCode>(error.code), error.text};
}

// The first value of a header that may be repeated.
[[nodiscard]] inline std::optional<std::string_view> HeaderOf(const grpc::CallbackServerContext& context,
                                                              const char* name) {
  const auto& headers = context.client_metadata();
  const auto found = headers.lower_bound(name);
  if (found == headers.end() || found->first != name) return std::nullopt;
  return std::string_view(found->second.data(), found->second.size());
}

[[nodiscard]] inline std::expected<void, CallError> CheckDecoded(const google::protobuf::Message& request) {
  if (proto::IsDecoded(request)) return {};
  return std::unexpected(CallError{CallCode::kInternal, "the request is no valid " + request.GetDescriptor()->name() +
                                                            ": broken encoding, or text that is not UTF-8"});
}

// A unary call that is being answered; copies name the same call. Exactly one of Succeed and Fail must be used, once.
class UnaryCall {
 public:
  UnaryCall(grpc::CallbackServerContext* context, Metrics& metrics, CallKind kind, std::size_t request_bytes)
      : context_(context),
        reactor_(context->DefaultReactor()),
        metrics_(&metrics),
        meter_(metrics, kind, request_bytes) {}

  [[nodiscard]] grpc::ServerUnaryReactor* reactor() const { return reactor_; }
  [[nodiscard]] grpc::CallbackServerContext& context() const { return *context_; }

  // The reply message was filled in before. A hint goes into the headers (rule R3).
  void Succeed(std::size_t reply_bytes, const std::optional<std::string>& leader_hint = std::nullopt) const {
    if (leader_hint) context_->AddInitialMetadata(kLeaderHintHeader, *leader_hint);
    metrics_->Sent(reply_bytes);
    End(true);
    reactor_->Finish(grpc::Status::OK);
  }

  // No headers were sent, so this is a Trailers-Only response that carries the hint (rules R2, R3).
  void Fail(const CallError& error, const std::optional<std::string>& leader_hint = std::nullopt) const {
    if (leader_hint) context_->AddTrailingMetadata(kLeaderHintHeader, *leader_hint);
    End(false);
    reactor_->Finish(ToStatus(error));
  }

 private:
  // Streams take as long as their clients like, and are not told of.
  void End(bool ok) const {
    meter_.End(ok);
    LogIfSlow(meter_.kind(), meter_.elapsed());
  }

  grpc::CallbackServerContext* context_;
  grpc::ServerUnaryReactor* reactor_;
  Metrics* metrics_;
  CallMeter meter_;
};

// A call that answers with a stream: one item is made at a time, when the one before has left (gRPC's flow control), so
// that a slow client costs no memory and no thread. Deletes itself. Begin, Single or Fail must be used exactly once.
template <class Item>
class StreamCall final : public grpc::ServerWriteReactor<Item> {
 public:
  // Fills in the next item; false at the end.
  using Producer = std::move_only_function<bool(Item* item)>;

  StreamCall(grpc::CallbackServerContext* context, Metrics& metrics, CallKind kind, std::size_t request_bytes)
      : context_(context), metrics_(metrics), meter_(metrics, kind, request_bytes) {}

  // Sends the headers at once (rule R1), then the items. `background` makes them, if it is not null; it must outlive
  // the server.
  void Begin(Producer producer, BackgroundThread* background = nullptr) {
    producer_ = std::move(producer);
    background_ = background;
    this->StartSendInitialMetadata();
  }

  // The whole answer is one item: headers, item and end leave together.
  void Single(Item item) {
    item_ = std::move(item);
    metrics_.Sent(item_.ByteSizeLong());
    ok_ = true;
    this->StartWriteAndFinish(&item_, grpc::WriteOptions(), grpc::Status::OK);
  }

  // Nothing was sent: a Trailers-Only response with the hint (rules R2, R3).
  void Fail(const CallError& error, const std::optional<std::string>& leader_hint = std::nullopt) {
    if (leader_hint) context_->AddTrailingMetadata(kLeaderHintHeader, *leader_hint);
    this->Finish(ToStatus(error));
  }

 private:
  // OnDone only deletes: not worth a hop to another thread.
  bool InternalInlineable() override { return true; }
  void OnSendInitialMetadataDone(bool ok) override { Continue(ok); }
  void OnWriteDone(bool ok) override { Continue(ok); }

  void OnDone() override {
    meter_.End(ok_);
    delete this;
  }

  void Continue(bool ok) {
    if (!ok) return this->Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client has gone"));
    if (background_ == nullptr) return Produce();
    background_->Add([this] { Produce(); });
  }

  void Produce() {
    item_.Clear();
    if (producer_(&item_)) {
      metrics_.Sent(item_.ByteSizeLong());
      // Small items leave together; the end takes along what is left of them.
      return this->StartWrite(&item_, grpc::WriteOptions().set_buffer_hint());
    }
    ok_ = true;
    this->Finish(grpc::Status::OK);
  }

  grpc::CallbackServerContext* context_;
  Metrics& metrics_;
  CallMeter meter_;
  Producer producer_;
  BackgroundThread* background_ = nullptr;
  Item item_;
  bool ok_ = false;
};

}  // namespace metasrv::server
