#include "ctl/async_meta_client.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "backup/request_json.h"
#include "ctl/grpc_session.h"

namespace metasrv::ctl {
namespace {

// One call of a script, from its start to its callback; sent again at most once.
class Call {
 public:
  using Ended = std::function<void(grpc::Status)>;

  virtual ~Call() = default;
  // Sends it with `context`, which lives until `ended` was called.
  virtual void Send(meta::MetaService::Stub& stub, grpc::ClientContext& context, Ended ended) = 0;
  virtual void Succeed() = 0;
  virtual void Fail(std::string error) = 0;

  std::optional<grpc::ClientContext> context;
  bool sent_again = false;
};

class TransactionCall final : public Call {
 public:
  TransactionCall(meta::TxnRequest request, AsyncMetaClient::Callback<meta::TxnReply> done)
      : request_(std::move(request)), done_(std::move(done)) {}

  void Send(meta::MetaService::Stub& stub, grpc::ClientContext& at, Ended ended) override {
    stub.async()->Transaction(&at, &request_, &reply_, std::move(ended));
  }
  void Succeed() override { done_(std::move(reply_)); }
  void Fail(std::string error) override { done_(std::unexpected(std::move(error))); }

 private:
  meta::TxnRequest request_;
  meta::TxnReply reply_;
  AsyncMetaClient::Callback<meta::TxnReply> done_;
};

class GetCall final : public Call {
 public:
  using Record = std::optional<meta::SeqV>;

  GetCall(const std::string& key, AsyncMetaClient::Callback<Record> done) : done_(std::move(done)) {
    request_.set_data(backup::ReadRequestJson(backup::GetKv{key}));
  }

  void Send(meta::MetaService::Stub& stub, grpc::ClientContext& at, Ended ended) override {
    record_.reset();
    auto* reader = new Reader(record_, std::move(ended));
    stub.async()->KvReadV1(&at, &request_, reader);
    reader->Start();
  }
  void Succeed() override { done_(std::move(record_)); }
  void Fail(std::string error) override { done_(std::unexpected(std::move(error))); }

 private:
  // Takes the stream's items; gRPC tells it last of all that it is done, and it goes.
  class Reader final : public grpc::ClientReadReactor<meta::StreamItem> {
   public:
    Reader(Record& record, Ended ended) : record_(record), ended_(std::move(ended)) {}

    void Start() {
      StartRead(&item_);
      StartCall();
    }
    void OnReadDone(bool ok) override {
      if (!ok) return;
      if (item_.has_value()) record_ = item_.value();
      StartRead(&item_);
    }
    void OnDone(const grpc::Status& status) override {
      const Ended ended = std::move(ended_);
      delete this;
      ended(status);
    }

   private:
    meta::StreamItem item_;
    Record& record_;
    Ended ended_;
  };

  meta::RaftRequest request_;
  Record record_;
  AsyncMetaClient::Callback<Record> done_;
};

}  // namespace

class AsyncMetaClient::Impl {
 public:
  Impl(std::string address, Duration timeout) : address_(std::move(address)), timeout_(timeout) {}

  ~Impl() {
    std::unique_lock lock(mutex_);
    closing_ = true;
    for (auto& [call, owned] : running_) call->context->TryCancel();
    idle_.wait(lock, [this] { return running_.empty() && ending_ == 0 && !shaking_hands_; });
    lock.unlock();
    if (shaker_.joinable()) shaker_.join();
  }

  void Start(std::unique_ptr<Call> call) {
    std::unique_lock lock(mutex_);
    if (session_) return Send(std::move(call), lock);
    waiting_.push_back(std::move(call));
    if (std::exchange(shaking_hands_, true)) return;
    if (shaker_.joinable()) shaker_.join();  // the one before has ended
    shaker_ = std::thread([this] { ShakeHands(); });
  }

 private:
  using Lock = std::unique_lock<std::mutex>;

  void Send(std::unique_ptr<Call> owned, Lock& lock) {
    Call& call = *owned;
    grpc::ClientContext& context = call.context.emplace();
    session_->Authorize(context);
    SetDeadline(context, timeout_);
    running_.emplace(&call, std::move(owned));
    lock.unlock();
    call.Send(*stub_, context, [this, &call](const grpc::Status& status) { OnEnded(call, status); });
    lock.lock();
  }

  void OnEnded(Call& call, const grpc::Status& status) {
    Lock lock(mutex_);
    auto owned = std::move(running_.extract(&call).mapped());
    ++ending_;
    const bool forgotten = status.error_code() == grpc::StatusCode::UNAUTHENTICATED && !call.sent_again && !closing_;
    if (forgotten) session_.reset();
    lock.unlock();
    if (forgotten) {
      call.sent_again = true;
      Start(std::move(owned));
    } else {
      status.ok() ? call.Succeed() : call.Fail(ErrorText(status));
    }
    owned.reset();
    lock.lock();
    --ending_;
    idle_.notify_all();
  }

  std::expected<Session, std::string> LogIn() {
    if (!stub_) {
      auto opened = OpenStub(address_, access_);
      if (!opened) return std::unexpected(opened.error());
      stub_ = std::move(*opened);
    }
    return Handshake(*stub_, access_, timeout_);
  }

  void ShakeHands() {
    auto session = LogIn();
    Lock lock(mutex_);
    const bool usable = session.has_value() && !closing_;
    if (usable) session_ = std::move(*session);
    while (!waiting_.empty()) {
      auto call = std::move(waiting_.front());
      waiting_.pop_front();
      if (usable) {
        Send(std::move(call), lock);
      } else {
        lock.unlock();
        call->Fail(session ? "gRPC error: the client was closed" : session.error());
        lock.lock();
      }
    }
    shaking_hands_ = false;
    idle_.notify_all();
  }

  const std::string address_;
  const Access access_ = Access::FromEnvironment();
  const Duration timeout_;
  std::unique_ptr<meta::MetaService::Stub> stub_;  // there once a session is
  std::mutex mutex_;
  std::condition_variable idle_;
  std::optional<Session> session_;
  std::deque<std::unique_ptr<Call>> waiting_;  // for the handshake
  std::map<Call*, std::unique_ptr<Call>> running_;
  int ending_ = 0;  // callbacks that run
  bool shaking_hands_ = false;
  bool closing_ = false;
  std::thread shaker_;
};

AsyncMetaClient::AsyncMetaClient(const std::string& address, Duration timeout)
    : impl_(std::make_unique<Impl>(address, timeout)) {}
AsyncMetaClient::~AsyncMetaClient() = default;

void AsyncMetaClient::Get(const std::string& key, Callback<std::optional<meta::SeqV>> done) {
  impl_->Start(std::make_unique<GetCall>(key, std::move(done)));
}

void AsyncMetaClient::Transact(meta::TxnRequest request, Callback<meta::TxnReply> done) {
  impl_->Start(std::make_unique<TransactionCall>(std::move(request), std::move(done)));
}

}  // namespace metasrv::ctl
