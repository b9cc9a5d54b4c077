#pragma once

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "io/real/os_clock.h"
#include "io/real/thread_loop.h"
#include "node/node.h"
#include "server/metrics.h"
#include "server/node_handle.h"
#include "server/service_context.h"
#include "server/session.h"
#include "sm/mem_store.h"

namespace metasrv::server {

// A log that forgets everything with the process; writes are durable one turn of the loop later.
class MemLogStore final : public io::LogStore {
 public:
  explicit MemLogStore(io::EventLoop& loop) : loop_(loop) {}

  [[nodiscard]] std::expected<io::LogContents, io::Error> Visit(const Visitor&) const override {
    return io::LogContents{};
  }
  void Read(LogIndex, LogIndex, std::size_t, ReadDone done) const override {
    loop_.Post([done = std::move(done)]() mutable { done({}); });
  }
  [[nodiscard]] std::unique_ptr<io::EntryCursor> Scan(LogIndex, LogIndex) const override {
    return std::make_unique<io::VectorCursor>(std::vector<Entry>());
  }
  void Write(io::LogBatch batch, Done done) override {
    entry_count_ += batch.append.size();
    loop_.Post([done = std::move(done)]() mutable { done({}); });
  }
  [[nodiscard]] io::LogStats Stats() const override { return {100, 200, entry_count_}; }

 private:
  io::EventLoop& loop_;
  std::uint64_t entry_count_ = 0;
};

// Nobody is out there.
class LonelyTransport final : public io::Transport {
 public:
  void Start(MessageHandler, CallHandler) override {}
  void Send(const Endpoint&, std::string) override {}
  void Call(const Endpoint&, std::string, Duration, CallDone done) override { done(io::CallEnd::kNotReached, ""); }
};

class NullTrace final : public TraceSink {
 public:
  void Emit(NodeId, const TraceEvent&) override {}
};

// One node in memory with its loop on a thread, and what the services need around it.
class TestNode {
 public:
  enum class Kind { kSingle, kAlone };  // kAlone: an empty node that knows no cluster

  explicit TestNode(Kind kind, const node::WatchLimits& watch_limits = {}) {
    node::NodeOptions options;
    options.watch = watch_limits;
    options.raft.id = NodeId(1);
    options.raft.heartbeat_interval = Duration::Millis(20);
    options.raft.election_timeout_min = Duration::Millis(40);
    options.raft.election_timeout_max = Duration::Millis(60);
    options.raft_advertise = {"raft-host", 28004};
    options.grpc_advertise = "grpc-host:9191";
    options.single = kind == Kind::kSingle;
    options.leader_wait = Duration::Millis(10);
    auto created = node::Node::Create(
        options, {clock_, loop_, transport_, log_store_, state_store_, trace_, 1, [](const std::string&) {}});
    EXPECT_TRUE(created);
    node_ = std::move(*created);
    handle_ = std::make_unique<NodeHandle>(loop_, *node_);
    loop_.Post([this] { node_->Start(); });
    thread_ = std::thread([this] { loop_.Run(); });
    if (kind == Kind::kSingle) Register();
  }

  ~TestNode() {
    std::promise<void> stopped;
    handle_->Run([&stopped](node::Node& node) {
      node.Stop();
      stopped.set_value();
    });
    stopped.get_future().wait();
    loop_.Stop();
    thread_.join();
  }
  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  [[nodiscard]] ServiceContext services() { return {*handle_, sessions_, metrics_, clock_}; }
  [[nodiscard]] NodeHandle& handle() { return *handle_; }
  [[nodiscard]] Metrics& metrics() { return metrics_; }

 private:
  void Register() {
    std::promise<std::expected<void, std::string>> registered;
    handle_->Run([&registered](node::Node& node) {
      node.JoinAndRegister([](const std::string&) {}, [&registered](auto result) { registered.set_value(result); });
    });
    EXPECT_TRUE(registered.get_future().get());
  }

  io::OsClock clock_;
  io::ThreadLoop loop_{clock_};
  LonelyTransport transport_;
  MemLogStore log_store_{loop_};
  sm::MemStore state_store_;
  NullTrace trace_;
  Sessions sessions_;
  Metrics metrics_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<NodeHandle> handle_;
  std::thread thread_;
};

}  // namespace metasrv::server
