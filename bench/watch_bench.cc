// watch-bench ADDRESS WATCHERS CONNECTIONS WRITES VALUE_BYTES STALLED PID: many watches of one key on one node.
// Measures what an idle watch costs the server (process PID) and how long after the sending of a write each watcher is
// told; with STALLED watchers that take nothing, in alternating rounds with and without them. Prints one JSON object.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "bench/histogram.h"
#include "bench/meta_workload.h"
#include "meta.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using Stub = meta::MetaService::Stub;

constexpr const char* kKey = "watched/key";
constexpr const char* kBallastKey = "watched/ballast";
constexpr int kRounds = 6;
constexpr std::uint64_t kWarmUpWrites = 3;
constexpr std::size_t kBallastBytes = 100'000;
constexpr int kBallastWrites = 20;  // fill the windows and buffers between a server and a client that reads nothing
constexpr auto kPauseBetweenWrites = std::chrono::milliseconds(20);
constexpr auto kPatience = std::chrono::seconds(60);

[[noreturn]] void Fail(const std::string& why) {
  std::cerr << "watch-bench: " << why << std::endl;
  std::exit(1);
}

// The write that is under way: how many watchers have been told, and how late.
class Round {
 public:
  explicit Round(std::size_t watchers) : watchers_(watchers) {}

  void Begin(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    number_ = number;
    told_ = 0;
    began_ = Clock::now();
  }
  void OnTold(std::uint64_t number) {
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    if (number != number_) Fail("a watcher was told of write " + std::to_string(number) + " during another one");
    delays_->Record(static_cast<std::uint64_t>(std::chrono::nanoseconds(now - began_).count()));
    if (++told_ == watchers_) all_.notify_one();
  }
  // How long it took until the last one was told.
  std::uint64_t AwaitAll() {
    std::unique_lock lock(mutex_);
    if (!all_.wait_for(lock, kPatience, [this] { return told_ == watchers_; })) {
      Fail("only " + std::to_string(told_) + " watchers were told");
    }
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - began_).count());
  }
  void RecordInto(metasrv::bench::Histogram& delays) {
    const std::lock_guard lock(mutex_);
    delays_ = &delays;
  }

 private:
  const std::size_t watchers_;
  std::mutex mutex_;
  std::condition_variable all_;
  std::uint64_t number_ = 0;
  std::size_t told_ = 0;
  Clock::time_point began_;
  metasrv::bench::Histogram* delays_ = nullptr;
};

class Opened {
 public:
  void Add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_one();
  }
  void Await(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return count_ >= count; })) Fail("not all watches were opened");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

// One watch; a stalled one never asks for a message.
class Watcher final : public grpc::ClientReadReactor<meta::WatchResponse> {
 public:
  Watcher(Stub& stub, const meta::WatchRequest& request, Opened& opened, Round* round)
      : opened_(opened), round_(round) {
    stub.async()->Watch(&context_, &request, this);
    if (round_ == nullptr) AddHold();
    if (round_ != nullptr) StartRead(&message_);
    StartCall();
  }
  void Cancel() {
    context_.TryCancel();
    if (round_ == nullptr) RemoveHold();
  }
  void AwaitEnd() { ended_.wait(false); }

 private:
  void OnReadInitialMetadataDone(bool ok) override {
    if (ok) opened_.Add();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    round_->OnTold(std::strtoull(message_.event().current().data().c_str(), nullptr, 10));
    StartRead(&message_);
  }
  void OnDone(const grpc::Status& status) override {
    if (status.error_code() != grpc::StatusCode::CANCELLED) Fail("a watch ended: " + status.error_message());
    ended_ = true;
    ended_.notify_one();
  }

  grpc::ClientContext context_;
  meta::WatchResponse message_;
  Opened& opened_;
  Round* round_;
  std::atomic<bool> ended_ = false;
};

using Watchers = std::deque<Watcher>;

void Close(Watchers& watchers) {
  for (Watcher& watcher : watchers) watcher.Cancel();
  for (Watcher& watcher : watchers) watcher.AwaitEnd();
  watchers.clear();
}

std::uint64_t ResidentKilobytes(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  Fail("there is no process " + pid);
}

struct Arguments {
  std::string address;
  std::size_t watchers;
  std::size_t connections;
  std::uint64_t writes;
  std::size_t value_bytes;
  std::size_t stalled;
  std::string pid;
};

class Bench {
 public:
  explicit Bench(const Arguments& arguments) : arguments_(arguments), round_(arguments.watchers) {
    for (std::size_t i = 0; i < arguments.connections; ++i) stubs_.push_back(meta::MetaService::NewStub(Connect()));
    writer_ = meta::MetaService::NewStub(Connect());
    const auto headers = metasrv::bench::MetaProtocol().login(Connect(), metasrv::Duration::Seconds(10));
    if (!headers) Fail(headers.error());
    headers_ = *headers;
  }

  nlohmann::ordered_json Run() {
    // The first connection costs once, not per watch.
    Watchers first;
    Open(first, arguments_.connections, &round_);
    const std::uint64_t before = ResidentKilobytes(arguments_.pid);
    Close(first);
    Watchers watchers;
    const auto began = Clock::now();
    Open(watchers, arguments_.watchers, &round_);
    const auto opening = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
    const std::uint64_t after = ResidentKilobytes(arguments_.pid);
    metasrv::bench::Histogram warm_up;
    metasrv::bench::Histogram warm_up_last;
    Measure(warm_up, warm_up_last, kWarmUpWrites);
    for (int i = 0; i < kRounds; ++i) {
      Measure(alone_, alone_last_, arguments_.writes);
      if (arguments_.stalled > 0) MeasureWithStalled();
    }
    Close(watchers);
    nlohmann::ordered_json json;
    json["watchers"] = arguments_.watchers;
    json["connections"] = arguments_.connections;
    json["value_bytes"] = arguments_.value_bytes;
    json["writes"] = kRounds * arguments_.writes;
    json["opening_ms"] = opening.count();
    json["server_bytes_per_idle_watch"] = (after - before) * 1024 / arguments_.watchers;
    json["told_ms"] = Figures(alone_);
    json["last_told_ms"] = Figures(alone_last_);
    if (arguments_.stalled == 0) return json;
    json["stalled"] = arguments_.stalled;
    json["told_with_stalled_ms"] = Figures(stalled_);
    json["last_told_with_stalled_ms"] = Figures(stalled_last_);
    json["p99_ratio"] = static_cast<double>(stalled_.Quantile(0.99)) / static_cast<double>(alone_.Quantile(0.99));
    return json;
  }

 private:
  [[nodiscard]] std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(arguments_.address, grpc::InsecureChannelCredentials(), own);
  }

  // Without a round: stalled ones, which watch the ballast, too.
  void Open(Watchers& watchers, std::size_t count, Round* round) {
    meta::WatchRequest request;
    request.set_key(round == nullptr ? "watched/" : kKey);
    if (round == nullptr) request.set_key_end("watched0");
    for (std::size_t i = 0; i < count; ++i) watchers.emplace_back(*stubs_[i % stubs_.size()], request, opened_, round);
    asked_ += count;
    opened_.Await(asked_);
  }

  void MeasureWithStalled() {
    Watchers stalled;
    Open(stalled, arguments_.stalled, nullptr);
    for (int i = 0; i < kBallastWrites; ++i) Put(kBallastKey, std::string(kBallastBytes, 'x'));
    Measure(stalled_, stalled_last_, arguments_.writes);
    Close(stalled);
  }

  void Measure(metasrv::bench::Histogram& delays, metasrv::bench::Histogram& last, std::uint64_t writes) {
    round_.RecordInto(delays);
    for (std::uint64_t i = 0; i < writes; ++i) {
      std::string value = std::to_string(++number_) + " ";
      value.resize(std::max(value.size(), arguments_.value_bytes), 'x');
      round_.Begin(number_);
      Put(kKey, value);
      last.Record(round_.AwaitAll());
      std::this_thread::sleep_for(kPauseBetweenWrites);
    }
  }

  void Put(const std::string& key, const std::string& value) {
    grpc::ClientContext context;
    for (const auto& [name, text] : headers_) context.AddMetadata(name, text);
    meta::TxnRequest request;
    request.add_if_then()->mutable_put()->set_key(key);
    request.mutable_if_then(0)->mutable_put()->set_value(value);
    meta::TxnReply reply;
    if (const auto status = writer_->Transaction(&context, request, &reply); !status.ok()) Fail(status.error_message());
  }

  static nlohmann::ordered_json Figures(const metasrv::bench::Histogram& delays) {
    const auto millis = [&](double share) { return static_cast<double>(delays.Quantile(share)) / 1e6; };
    return {{"p50", millis(0.5)},
            {"p90", millis(0.9)},
            {"p99", millis(0.99)},
            {"max", static_cast<double>(delays.max()) / 1e6}};
  }

  const Arguments arguments_;
  metasrv::bench::Headers headers_;
  std::vector<std::unique_ptr<Stub>> stubs_;
  std::unique_ptr<Stub> writer_;
  Round round_;
  Opened opened_;
  std::size_t asked_ = 0;
  std::uint64_t number_ = 0;
  metasrv::bench::Histogram alone_;
  metasrv::bench::Histogram alone_last_;
  metasrv::bench::Histogram stalled_;
  metasrv::bench::Histogram stalled_last_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::cerr << "usage: watch-bench ADDRESS WATCHERS CONNECTIONS WRITES VALUE_BYTES STALLED PID\n";
    return 2;
  }
  const auto number = [argv](int i) { return std::strtoull(argv[i], nullptr, 10); };
  std::cout << Bench({argv[1], number(2), number(3), number(4), number(5), number(6), argv[7]}).Run().dump()
            << std::endl;
  return 0;
}
