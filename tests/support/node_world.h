#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/node.h"
#include "sm/mem_store.h"

namespace metasrv::test {

// A hand-made world for tests of the node: one virtual clock and one queue for all nodes, everything in the order it
// was asked for. Small and explicit, where io/sim is rich: a test says exactly what is slow, lost or broken.

class ManualLoop final : public io::EventLoop, public io::Clock {
 public:
  void Post(io::Task task) override { ready_.push_back(std::move(task)); }
  io::TimerId RunAt(Instant at, io::Task task) override;
  void Cancel(io::TimerId timer) override;
  [[nodiscard]] Instant Now() const override { return now_; }
  [[nodiscard]] Instant AwakeNow() const override { return now_; }
  [[nodiscard]] WallMillis WallNow() const override { return WallMillis(wall_origin_ + Millis()); }

  void SetWall(std::uint64_t millis) { wall_origin_ = millis - Millis(); }
  // Runs what is due now, timers of this instant included.
  void RunReady();
  // The whole process is suspended for `duration`: time passes and nothing runs.
  void StandStill(Duration duration) { now_ = now_ + duration; }
  // Lets `duration` pass, running everything in order.
  void RunFor(Duration duration);

 private:
  [[nodiscard]] std::uint64_t Millis() const { return static_cast<std::uint64_t>(now_.micros() / 1000); }

  Instant now_ = Instant::FromMicros(1'000'000);
  std::uint64_t wall_origin_ = 1'700'000'000'000;
  std::deque<io::Task> ready_;
  std::map<std::pair<Instant, io::TimerId>, io::Task> timers_;
  std::map<io::TimerId, Instant> timer_times_;
  io::TimerId last_timer_ = 0;
};

// Keeps the log in memory and reports each write in the next turn of the loop.
class FakeLogStore final : public io::LogStore {
 public:
  explicit FakeLogStore(ManualLoop& loop) : loop_(loop) {}

  [[nodiscard]] std::expected<io::LogContents, io::Error> Visit(const Visitor& visit) const override;
  void Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) const override;
  [[nodiscard]] std::unique_ptr<io::EntryCursor> Scan(LogIndex begin, LogIndex end) const override;
  void Write(io::LogBatch batch, Done done) override;
  [[nodiscard]] io::LogStats Stats() const override { return {.wal_bytes = 0, .wal_offset = 0, .entry_count = 0}; }

  [[nodiscard]] std::optional<std::uint64_t> FreeBytes() const override { return free_bytes; }

  // Completes what was held back.
  void Release();

  io::LogContents contents;
  std::vector<io::LogBatch> written;  // every batch, without the entries' content being copied
  // Hears of every write before it is made.
  std::function<void(const io::LogBatch& batch)> on_write = [](const io::LogBatch&) {};
  bool hold = false;  // writes do not complete
  bool fail = false;  // writes fail
  mutable std::size_t reads = 0;
  std::optional<std::uint64_t> free_bytes;

 private:
  ManualLoop& loop_;
  std::vector<Done> held_;
};

class FakeNetwork;

class FakeTransport final : public io::Transport {
 public:
  FakeTransport(FakeNetwork& network, Endpoint self) : network_(network), self_(std::move(self)) {}
  ~FakeTransport() override;
  FakeTransport(const FakeTransport&) = delete;
  FakeTransport& operator=(const FakeTransport&) = delete;

  void Start(MessageHandler on_message, CallHandler on_call) override;
  void Send(const Endpoint& to, std::string bytes) override;
  void Call(const Endpoint& to, std::string request, Duration timeout, CallDone done) override;

 private:
  friend class FakeNetwork;
  FakeNetwork& network_;
  Endpoint self_;
  MessageHandler on_message_;
  CallHandler on_call_;
};

// Delivers after one millisecond, unless one of the two ends is cut off. Calls to where nobody listens are refused.
class FakeNetwork {
 public:
  explicit FakeNetwork(ManualLoop& loop) : loop_(loop) {}

  std::set<Endpoint> cut_off;
  std::set<Endpoint> refuses_calls;  // messages get through
  bool lose_replies = false;         // calls are served, but the answers get lost
  // Hears of every message that is sent, delivered or not.
  std::function<void(const std::string& bytes)> on_send = [](const std::string&) {};

 private:
  friend class FakeTransport;
  [[nodiscard]] bool IsCut(const Endpoint& from, const Endpoint& to) const {
    return cut_off.contains(from) || cut_off.contains(to);
  }
  [[nodiscard]] FakeTransport* Reach(const Endpoint& from, const Endpoint& to);

  ManualLoop& loop_;
  std::map<Endpoint, FakeTransport*> listening_;
};

class FakeTrace final : public TraceSink {
 public:
  void Emit(NodeId node, const TraceEvent& event) override;
  [[nodiscard]] bool Has(const std::string& text) const;

  std::vector<TraceEvent> events;
};

// One machine: its disk survives the node that runs on it.
struct Machine {
  Machine(ManualLoop& loop, FakeNetwork& network, NodeId id);

  NodeId id;
  Endpoint endpoint;
  std::uint64_t seed;  // of the node's random numbers; an emptied disk needs another one
  FakeLogStore log;
  sm::MemStore state;
  FakeTrace trace;
  std::unique_ptr<FakeTransport> transport;
  std::unique_ptr<node::Node> node;
  node::NodeOptions options;
  std::vector<std::string> lines;                           // of JoinAndRegister
  std::optional<std::expected<void, std::string>> started;  // its result
  std::vector<std::string> fatal;
};

class NodeWorld {
 public:
  NodeWorld() : network(loop) {}
  ~NodeWorld();

  // A machine with default options and an empty disk; its node is not running yet.
  Machine& Add(std::uint64_t id);
  // Creates and starts the node, and lets it join and register.
  void Start(std::uint64_t id);
  // As Start, without joining and registering.
  void StartBare(std::uint64_t id);
  // Ends the node as a crash does: what the disk has stays.
  void Crash(std::uint64_t id);

  Machine& operator[](std::uint64_t id) { return *machines_.at(id); }
  node::Node& node(std::uint64_t id) { return *machines_.at(id)->node; }
  // The node that leads, once one does; runs the world until then.
  std::uint64_t AwaitLeader();

  // Starts node 1 as a single node and lets the others join one after the other.
  void GrowTo(std::uint64_t size);

  // Issues a write and runs the world until it is answered.
  node::WriteResult Put(std::uint64_t via, const std::string& key, const std::string& value);
  // The value of `key` as a linearizable read through `via` sees it; "?" when the read failed.
  std::string Get(std::uint64_t via, const std::string& key);
  pb::ForwardReply Ask(std::uint64_t via, pb::ForwardRequest request);

  // Runs until `done` holds, at most `limit` of virtual time. Whether it holds.
  bool RunUntil(const std::function<bool()>& done, Duration limit = Duration::Seconds(60));

  ManualLoop loop;
  FakeNetwork network;

 private:
  std::map<std::uint64_t, std::unique_ptr<Machine>> machines_;
};

// All entries of an export.
[[nodiscard]] std::vector<Entry> LogOf(const node::ExportSource& source);

[[nodiscard]] pb::Command PutCommand(const std::string& key, const std::string& value);

}  // namespace metasrv::test
