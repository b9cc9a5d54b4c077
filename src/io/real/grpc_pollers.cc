#include "io/real/grpc_pollers.h"

#include <grpc/support/cpu.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "io/real/thread_name.h"

namespace metasrv::io {
namespace {

// Below the second after which gRPC's threads doze off.
constexpr std::chrono::milliseconds kPause{500};
// A thread that takes longer to answer is no longer enough.
constexpr std::chrono::milliseconds kPatience{100};
// Looks without trouble before threads are held back again.
constexpr int kLooksToRecover = 10;

// As gRPC counts them (CompletionQueue::CallbackAlternativeCQ).
std::size_t ThreadsOfGrpc() { return std::clamp<std::size_t>(gpr_cpu_num_cores() / 2, 2, 16); }

// One thread serves as many calls as four cores with clients and disks have time for.
std::size_t ThreadsToSpare() {
  const std::size_t needed = std::max<std::size_t>(gpr_cpu_num_cores() / 4, 1);
  return ThreadsOfGrpc() - std::min(needed, ThreadsOfGrpc());
}

// A channel that fails each call at once, without a network. What matters is who reports it: one of gRPC's threads.
std::shared_ptr<grpc::Channel> ChannelToNowhere() { return grpc::CreateChannel("nowhere", nullptr); }

}  // namespace

class GrpcPollers::Impl {
 public:
  explicit Impl(std::size_t wanted) : wanted_(wanted), stub_(ChannelToNowhere()), keeper_([this] { Keep(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    keeper_.join();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return calls_ == 0; });
  }

  [[nodiscard]] std::size_t idle() const {
    const std::lock_guard lock(mutex_);
    return idle_;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
    std::function<void()> then;
  };

  void Keep() {
    NameThisThread("grpc-keeper");
    std::unique_lock lock(mutex_);
    int looks_left = 0;  // until threads may be held back
    while (!stopping_) {
      if (!Answers(lock)) {
        hold_ = false;
        looks_left = kLooksToRecover;
        changed_.notify_all();
      } else if (looks_left > 0) {
        --looks_left;
      } else {
        hold_ = true;
        for (; asked_to_idle_ < wanted_; ++asked_to_idle_) Start([this] { HoldBack(); });
      }
      changed_.wait_for(lock, kPause, [this] { return stopping_; });
    }
  }

  bool Answers(std::unique_lock<std::mutex>& lock) {
    const std::uint64_t question = ++asked_;
    Start([this, question] { answered_ = std::max(answered_, question); });
    changed_.wait_for(lock, kPatience, [this, question] { return stopping_ || answered_ >= question; });
    return stopping_ || answered_ >= question;
  }

  // Runs `then` on one of gRPC's threads, with the mutex held. Requires: the mutex.
  void Start(std::function<void()> then) {
    ++calls_;
    const grpc::Slice nothing;
    auto* const call = new Call{{}, grpc::ByteBuffer(&nothing, 1), {}, std::move(then)};  // OnDone takes it back
    stub_.UnaryCall(&call->context, "/nowhere", {}, &call->request, &call->response,
                    [this, call](const grpc::Status&) { OnDone(std::unique_ptr<Call>(call)); });
  }

  void OnDone(std::unique_ptr<Call> call) {
    const std::lock_guard lock(mutex_);
    call->then();
    // Before the destructor goes on: it must be the one that drops the channel.
    call.reset();
    --calls_;
    changed_.notify_all();
  }

  // Requires: the mutex, which is free while this thread waits.
  void HoldBack() {
    std::unique_lock lock(mutex_, std::adopt_lock);
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !hold_; });
    --idle_;
    --asked_to_idle_;
    lock.release();
  }

  const std::size_t wanted_;
  grpc::GenericStub stub_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t calls_ = 0;  // that have not ended
  std::size_t idle_ = 0;
  std::size_t asked_to_idle_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  bool hold_ = true;
  bool stopping_ = false;

  std::thread keeper_;
};

GrpcPollers::GrpcPollers() : GrpcPollers(ThreadsToSpare()) {}
GrpcPollers::GrpcPollers(std::size_t idle) : impl_(std::make_unique<Impl>(idle)) {}
GrpcPollers::~GrpcPollers() = default;

std::size_t GrpcPollers::idle() const { return impl_->idle(); }

}  // namespace metasrv::io
