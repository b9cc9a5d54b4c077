#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "node/client_api.h"
#include "server/trace_metrics.h"

namespace metasrv::server {

enum class CallKind : std::uint8_t { kRead, kWrite, kOther };
enum class ItemKind : std::uint8_t { kGet, kMGet, kList, kWatchInitial, kWatchChange };

// What went through the raft port, counted by this process.
struct PeerFigures {
  struct Peer {
    bool connected = false;
    std::uint64_t sent_bytes = 0;
    std::uint64_t failures = 0;
    std::uint64_t connect_failures = 0;
  };
  std::map<Endpoint, Peer> peers;
};

// What the state takes on disk.
struct StateFigures {
  std::uint64_t data_bytes = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t rows = 0;
  std::uint64_t cache_hits = 0;    // blocks read from memory since the start ...
  std::uint64_t cache_misses = 0;  // ... and from disk
};

// What Render shows besides the process's own counters.
struct NodeFigures {
  node::NodeStatus status;
  PeerFigures peers;
  StateFigures state;
};

// The counters of this process and their exposition (operations.md §4). Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void CallStarted(std::size_t request_bytes);
  void CallEnded(CallKind kind, bool ok, std::chrono::steady_clock::duration took);
  void Sent(std::size_t reply_bytes);
  void ItemSent(ItemKind kind);
  void ReadFailed();
  // A raft call without an accepted secret was let through; `reason` is "missing" or "unaccepted".
  void UnauthenticatedPassed(const std::string& reason);

  // OpenMetrics text: the counters above, those of `events`, and what the node, its disk and the raft port report.
  [[nodiscard]] std::string Render(const NodeFigures& figures, const TraceMetrics& events) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Measures one call from construction to End().
class CallMeter {
 public:
  CallMeter(Metrics& metrics, CallKind kind, std::size_t request_bytes)
      : metrics_(&metrics), kind_(kind), start_(std::chrono::steady_clock::now()) {
    metrics.CallStarted(request_bytes);
  }
  void End(bool ok) const { metrics_->CallEnded(kind_, ok, elapsed()); }

  [[nodiscard]] CallKind kind() const { return kind_; }
  [[nodiscard]] std::chrono::steady_clock::duration elapsed() const {
    return std::chrono::steady_clock::now() - start_;
  }

 private:
  Metrics* metrics_;
  CallKind kind_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace metasrv::server
