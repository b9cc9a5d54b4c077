#include "io/real/grpc_inbound.h"

#include <atomic>
#include <optional>
#include <utility>

#include "common/check.h"

namespace metasrv::io {
namespace {

constexpr const char* kSecretHeader = "x-databend-meta-raft-secret";

std::optional<std::string> SecretOf(const grpc::CallbackServerContext& context) {
  const auto found = context.client_metadata().find(kSecretHeader);
  if (found == context.client_metadata().end()) return std::nullopt;
  return std::string(found->second.data(), found->second.size());
}

grpc::Status Closing() { return {grpc::StatusCode::UNAVAILABLE, "this node is shutting down"}; }

}  // namespace

// --- Inbox ---

void Inbox::Open(Transport::MessageHandler on_message, Transport::CallHandler on_call) {
  on_message_ = std::move(on_message);
  on_call_ = std::move(on_call);
  open_ = true;
}

void Inbox::Close() { open_ = false; }

void Inbox::Put(pb::PeerFrame frame) {
  {
    const std::lock_guard lock(mutex_);
    Add(std::move(*frame.mutable_data()));
    for (std::string& bytes : *frame.mutable_more()) Add(std::move(bytes));
    if (waiting_.empty() || std::exchange(drain_posted_, true)) return;
  }
  loop_.Dispatch([self = weak_from_this()] {
    if (const auto inbox = self.lock()) inbox->Drain();
  });
}

void Inbox::Add(std::string bytes) {
  ++received_messages_;
  received_bytes_ += bytes.size();
  if (waiting_bytes_ + bytes.size() > bytes_max_) {
    ++dropped_messages_;
    return;
  }
  waiting_bytes_ += bytes.size();
  waiting_.push_back(std::move(bytes));
}

void Inbox::Drain() {
  std::vector<std::string> messages;
  {
    const std::lock_guard lock(mutex_);
    messages.swap(waiting_);
    waiting_bytes_ = 0;
    drain_posted_ = false;
  }
  for (std::string& bytes : messages) {
    if (!open_) return;
    on_message_(std::move(bytes));
  }
}

void Inbox::PutCall(std::string request, Transport::Responder respond) {
  loop_.Dispatch([self = weak_from_this(), request = std::move(request), respond = std::move(respond)]() mutable {
    const auto inbox = self.lock();
    if (inbox != nullptr && inbox->open_) inbox->on_call_(std::move(request), std::move(respond));
  });
}

void Inbox::AddTo(TransportStats& stats) const {
  const std::lock_guard lock(mutex_);
  stats.received_messages = received_messages_;
  stats.received_bytes = received_bytes_;
  stats.receive_dropped_messages = dropped_messages_;
}

// --- Streams ---

// Reads one peer's stream until it ends; owns itself.
class PeerServiceImpl::Receiver final : public grpc::ServerReadReactor<pb::PeerFrame> {
 public:
  Receiver(PeerServiceImpl& service, grpc::CallbackServerContext* context) : service_(service), context_(context) {
    const grpc::Status admitted = service_.Admit(*context_);
    registered_ = admitted.ok() && service_.Register(context_);
    if (registered_) {
      StartRead(&frame_);
    } else {
      Finish(admitted.ok() ? Closing() : admitted);
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::OK);
      return;
    }
    service_.inbox_->Put(std::move(frame_));
    frame_.Clear();
    StartRead(&frame_);
  }

  void OnDone() override {
    if (registered_) service_.Unregister(context_);
    delete this;
  }

 private:
  PeerServiceImpl& service_;
  grpc::CallbackServerContext* context_;
  bool registered_ = false;
  pb::PeerFrame frame_;
};

// --- Calls ---

// The answer that one caller waits for; given exactly once, also when nobody answers.
class PeerServiceImpl::PendingReply {
 public:
  PendingReply(grpc::ServerUnaryReactor* reactor, pb::PeerFrame* response) : reactor_(reactor), response_(response) {}
  ~PendingReply() { Finish(Closing()); }
  PendingReply(const PendingReply&) = delete;
  PendingReply& operator=(const PendingReply&) = delete;

  void Answer(std::string reply) {
    const std::lock_guard lock(mutex_);
    if (reactor_ == nullptr) return;
    response_->set_data(std::move(reply));
    std::exchange(reactor_, nullptr)->Finish(grpc::Status::OK);
  }
  void Finish(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    if (reactor_ != nullptr) std::exchange(reactor_, nullptr)->Finish(status);
  }

 private:
  std::mutex mutex_;
  grpc::ServerUnaryReactor* reactor_;  // null once answered
  pb::PeerFrame* response_;
};

// --- Service ---

PeerServiceImpl::PeerServiceImpl(std::shared_ptr<Inbox> inbox, SecretCheck check_secret)
    : inbox_(std::move(inbox)), check_secret_(std::move(check_secret)) {}

PeerServiceImpl::~PeerServiceImpl() { CHECK(streams_.empty()); }

grpc::ServerReadReactor<pb::PeerFrame>* PeerServiceImpl::Deliver(grpc::CallbackServerContext* context, pb::PeerFrame*) {
  return new Receiver(*this, context);
}

grpc::ServerUnaryReactor* PeerServiceImpl::Call(grpc::CallbackServerContext* context, const pb::PeerFrame* request,
                                                pb::PeerFrame* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (const grpc::Status admitted = Admit(*context); !admitted.ok()) {
    reactor->Finish(admitted);
    return reactor;
  }
  auto reply = std::make_shared<PendingReply>(reactor, response);
  if (Register(reply)) {
    inbox_->PutCall(request->data(), [reply](std::string bytes) { reply->Answer(std::move(bytes)); });
  }
  return reactor;
}

grpc::Status PeerServiceImpl::Admit(const grpc::CallbackServerContext& context) {
  if (!check_secret_) return grpc::Status::OK;
  const auto refusal = check_secret_(SecretOf(context), context.peer());
  return refusal ? grpc::Status(grpc::StatusCode::UNAUTHENTICATED, *refusal) : grpc::Status::OK;
}

bool PeerServiceImpl::Register(grpc::CallbackServerContext* context) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  streams_.insert(context);
  return true;
}

void PeerServiceImpl::Unregister(grpc::CallbackServerContext* context) {
  const std::lock_guard lock(mutex_);
  streams_.erase(context);
}

bool PeerServiceImpl::Register(const std::shared_ptr<PendingReply>& reply) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  std::erase_if(replies_, [](const auto& pending) { return pending.expired(); });
  replies_.push_back(reply);
  return true;
}

void PeerServiceImpl::Shutdown() {
  std::vector<std::weak_ptr<PendingReply>> replies;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    replies.swap(replies_);
    for (grpc::CallbackServerContext* context : streams_) context->TryCancel();
  }
  for (const auto& pending : replies) {
    if (const auto reply = pending.lock()) reply->Finish(Closing());
  }
}

}  // namespace metasrv::io
