#include "server/watch_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace metasrv::server {
namespace {

// Up to this size copying a message costs less than sharing it.
constexpr std::size_t kCopyMax = 512;

void ReleaseMessage(void* message) { delete static_cast<node::SharedWatchMessage*>(message); }

grpc::ByteBuffer ToBuffer(const node::SharedWatchMessage& message) {
  const std::string& bytes = message->bytes();
  if (bytes.size() <= kCopyMax) {
    const grpc::Slice copy(bytes.data(), bytes.size());
    return {&copy, 1};
  }
  // gRPC only reads.
  const grpc::Slice shared(const_cast<char*>(bytes.data()), bytes.size(), ReleaseMessage,
                           new node::SharedWatchMessage(message));
  return {&shared, 1};
}

}  // namespace

WatchCall::WatchCall(grpc::CallbackServerContext* context, const ServiceContext& services, WatchService& shared,
                     std::size_t request_bytes)
    : services_(services),
      shared_(shared),
      connection_(context->peer()),
      meter_(services.metrics, CallKind::kOther, request_bytes) {}

WatchCall::~WatchCall() = default;

void WatchCall::Start(const std::expected<void, CallError>& allowed, const grpc::ByteBuffer& request) {
  self_ = shared_from_this();
  if (!allowed) return Refuse(allowed.error());
  meta::WatchRequest parsed;
  grpc::ByteBuffer bytes(request);
  if (const auto status = grpc::SerializationTraits<meta::WatchRequest>::Deserialize(&bytes, &parsed); !status.ok()) {
    return Refuse({CallCode::kInternal, status.error_message()});
  }
  if (auto decoded = CheckDecoded(parsed); !decoded) return Refuse(decoded.error());
  spec_ = node::ToWatchSpec(parsed);
  if (spec_.range.empty()) return Refuse({CallCode::kInvalidArgument, "empty range"});
  counted_ = shared_.connections.Take(connection_);
  if (!counted_) return Refuse(ErrorOfTooManyOnConnection(shared_.connections.max()));
  services_.node.Run([call = self_, flush = parsed.initial_flush()](node::Node& node) { call->Begin(node, flush); });
}

void WatchCall::Refuse(const CallError& error) {
  meter_.End(false);
  Finish(ToStatus(error));
}

// The headers leave only now: whoever has them misses nothing (grpc-api.md §1.3).
void WatchCall::Begin(node::Node& node, bool flush) {
  auto started = node.Watch(spec_, self_);
  if (!started) return Refuse(ErrorOfWatch(started.error()));
  {
    const std::lock_guard lock(mutex_);
    id_ = started->id;
    buffer_bytes_ = started->buffer_bytes;
    queue_.SetLimit(flush ? std::numeric_limits<std::size_t>::max() : buffer_bytes_);
  }
  if (flush) flush_.emplace(std::move(started->state), spec_.range);
  meter_.End(true);
  StartSendInitialMetadata();
}

bool WatchCall::Push(const node::SharedWatchMessage& message) {
  {
    const std::lock_guard lock(mutex_);
    if (!queue_.Push(message)) return false;
    if (std::exchange(sending_, true)) return true;
  }
  shared_.delivery.Add(shared_from_this());
  return true;
}

void WatchCall::End(node::WatchEnd reason) {
  {
    const std::lock_guard lock(mutex_);
    queue_.End(reason);
    if (std::exchange(sending_, true)) return;
  }
  shared_.delivery.Add(shared_from_this());
}

std::size_t WatchCall::backlog() const {
  const std::lock_guard lock(mutex_);
  return queue_.bytes();
}

void WatchCall::ContinueIf(bool ok) {
  if (!ok) End(node::WatchEnd::kCancelled);
  Continue();
}

void WatchCall::Continue() {
  std::optional<node::WatchEnd> end;
  node::SharedWatchMessage message;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    end = queue_.end();
    if (!end && !flush_) {
      message = queue_.Pop();
      more = !queue_.empty();
      sending_ = message != nullptr;
    }
  }
  if (end) return Finish(ToStatus(ErrorOfWatchEnd(*end)));
  if (flush_) {
    auto step = flush_->Next();
    if (step.is_marker) EndFlush();
    if (!step.is_marker) services_.metrics.ItemSent(ItemKind::kWatchInitial);
    return Send(step.message, !step.is_marker);
  }
  if (!message) return;
  services_.metrics.ItemSent(ItemKind::kWatchChange);
  Send(message, more);
}

// What waits by now may be more than a buffer holds, but must not grow.
void WatchCall::EndFlush() {
  flush_.reset();
  const std::lock_guard lock(mutex_);
  queue_.SetLimit(std::max(buffer_bytes_, queue_.bytes()));
}

void WatchCall::Send(const node::SharedWatchMessage& message, bool more) {
  message_ = ToBuffer(message);
  services_.metrics.Sent(message->bytes().size());
  grpc::WriteOptions options;
  if (more) options.set_buffer_hint();  // what follows is there and takes it along
  StartWrite(&message_, options);
}

void WatchCall::OnDone() {
  if (counted_) shared_.connections.Return(connection_);
  std::optional<node::WatchId> id;
  {
    const std::lock_guard lock(mutex_);
    id = id_;
  }
  if (id) services_.node.Run([id = *id](node::Node& node) { node.Unwatch(id); });
  self_.reset();
}

}  // namespace metasrv::server
