#include "bench/semaphore.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>
#include <utility>

#include "meta.grpc.pb.h"

namespace metasrv::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Done = std::expected<void, std::string>;

std::chrono::microseconds Micros(Duration duration) { return std::chrono::microseconds(duration.micros()); }

// One use, from taking a place to leaving it.
class Use {
 public:
  Use(const SemaphoreOptions& options, const std::string& owner, const CallTarget& target)
      : options_(options),
        owner_(owner),
        target_(target),
        stub_(meta::MetaService::NewStub(target.channel)),
        queue_(options.name + "/queue/"),
        deadline_(SteadyClock::now() + Micros(target.timeout)) {}
  ~Use() {
    watch_context_.TryCancel();
    events_.Shutdown();
    void* tag = nullptr;
    for (bool ok = false; events_.Next(&tag, &ok);) {
    }
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  Done Run() {
    if (auto done = TakePlace(); !done) return done;
    auto done = AwaitTurn();
    if (done) done = Hold();
    const auto left = Leave();
    return done ? left : done;
  }

 private:
  Done TakePlace() {
    meta::TxnRequest request;
    if (options_.time_based) {
      key_ = queue_ + TimeText() + "-" + owner_;
      FillPut(*request.add_if_then()->mutable_put());
      return DoneOf(Send(request));
    }
    auto& put = *request.add_if_then()->mutable_put_sequential();
    put.set_prefix(queue_);
    put.set_sequence_key(options_.name + "/seq_generator");
    put.set_value(owner_);
    put.set_ttl_ms(static_cast<std::uint64_t>(options_.ttl.millis()));
    const auto reply = Send(request);
    if (!reply) return std::unexpected(reply.error());
    if (reply->responses_size() != 1 || !reply->responses(0).has_put())
      return std::unexpected("no place was given out");
    key_ = reply->responses(0).put().key();
    return {};
  }

  Done AwaitTurn() {
    for (const auto& [name, value] : target_.headers) watch_context_.AddMetadata(name, value);
    meta::WatchRequest request;
    request.set_key(queue_);
    request.set_key_end(options_.name + "/queue0");
    request.set_initial_flush(true);
    stream_ = stub_->AsyncWatch(&watch_context_, request, &events_, nullptr);
    bool reading = false;
    while (flushing_ || !IsMyTurn()) {
      void* tag = nullptr;
      bool ok = false;
      const auto next = events_.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + Micros(options_.ttl) / 3);
      if (next == grpc::CompletionQueue::GOT_EVENT && !ok) return std::unexpected("the watch of the queue ended");
      if (next == grpc::CompletionQueue::GOT_EVENT) {
        if (std::exchange(reading, true)) Apply(message_);
        stream_->Read(&message_, nullptr);
      } else if (auto renewed = Renew(); !renewed) {
        return renewed;
      }
      if (SteadyClock::now() > deadline_) return std::unexpected("the semaphore was not acquired in time");
    }
    return {};
  }

  void Apply(const meta::WatchResponse& message) {
    if (!message.has_event()) {
      flushing_ = false;
    } else if (message.event().has_current()) {
      places_.insert(message.event().key());
    } else {
      places_.erase(message.event().key());
    }
  }

  [[nodiscard]] bool IsMyTurn() const {
    const auto mine = places_.find(key_);
    if (mine == places_.end()) return false;
    return static_cast<std::uint64_t>(std::distance(places_.begin(), mine)) < options_.capacity;
  }

  Done Hold() {
    const auto end = SteadyClock::now() + Micros(options_.hold);
    for (;;) {
      std::this_thread::sleep_until(std::min(end, SteadyClock::now() + Micros(options_.ttl) / 3));
      if (SteadyClock::now() >= end) return {};
      if (auto renewed = Renew(); !renewed) return renewed;
    }
  }

  // Not when the place has expired already: others may have come after it.
  Done Renew() {
    meta::TxnRequest request;
    auto& condition = *request.add_condition();
    condition.set_key(key_);
    condition.set_seq(0);
    condition.set_expected(meta::TxnCondition::GT);
    FillPut(*request.add_if_then()->mutable_put());
    const auto reply = Send(request);
    if (!reply) return std::unexpected(reply.error());
    if (!reply->success()) return std::unexpected("the place in the queue has expired");
    return {};
  }

  Done Leave() {
    meta::TxnRequest request;
    request.add_if_then()->mutable_delete_()->set_key(key_);
    return DoneOf(Send(request));
  }

  void FillPut(meta::TxnPutRequest& put) const {
    put.set_key(key_);
    put.set_value(owner_);
    put.set_ttl_ms(static_cast<std::uint64_t>(options_.ttl.millis()));
  }

  static Done DoneOf(const std::expected<meta::TxnReply, std::string>& reply) {
    if (!reply) return std::unexpected(reply.error());
    return {};
  }

  static std::string TimeText() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%020lld",
                  static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
    return text.data();
  }

  std::expected<meta::TxnReply, std::string> Send(const meta::TxnRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + Micros(target_.timeout));
    for (const auto& [name, value] : target_.headers) context.AddMetadata(name, value);
    meta::TxnReply reply;
    const auto status = stub_->Transaction(&context, request, &reply);
    if (!status.ok()) return std::unexpected(std::to_string(status.error_code()) + ": " + status.error_message());
    return reply;
  }

  const SemaphoreOptions& options_;
  const std::string& owner_;
  const CallTarget& target_;
  const std::unique_ptr<meta::MetaService::Stub> stub_;
  const std::string queue_;
  const SteadyClock::time_point deadline_;
  std::string key_;  // the own place
  grpc::ClientContext watch_context_;
  grpc::CompletionQueue events_;
  std::unique_ptr<grpc::ClientAsyncReader<meta::WatchResponse>> stream_;
  meta::WatchResponse message_;
  std::set<std::string> places_;
  bool flushing_ = true;
};

}  // namespace

std::expected<void, std::string> UseSemaphore(const SemaphoreOptions& options, const std::string& owner,
                                              const CallTarget& target) {
  return Use(options, owner, target).Run();
}

}  // namespace metasrv::bench
