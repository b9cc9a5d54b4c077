#include "server/trace_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <chrono>
#include <map>
#include <string>
#include <utility>

namespace metasrv::server {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;
using Clock = std::chrono::steady_clock;

Buckets Doubling(double first, int count) {
  Buckets buckets;
  for (double bound = first; count > 0; --count, bound *= 2) buckets.push_back(bound);
  return buckets;
}

// The bounds of operations.md §4.3.
const Buckets kAppendSeconds = Doubling(0.001, 20);
const Buckets kSnapshotSeconds = Doubling(1, 10);
// From 50 us, which a stage needs on a fast disk, to 26 s, which is a stall.
const Buckets kStageSeconds = Doubling(0.00005, 20);

double Seconds(Duration duration) { return static_cast<double>(duration.micros()) / 1e6; }

prometheus::Labels To(std::uint64_t node) { return {{"to", std::to_string(node)}}; }

// Whole states that go to peers, or come from them. Touched on the node's loop only, but for what Collect reads.
class Transfers {
 public:
  // `label`: of the peer's id. `seconds`: the family of durations; the names of the others are "<name>_<...>".
  Transfers(prometheus::Registry& registry, const char* label, const std::string& name, const char* failures,
            const std::string& seconds, const std::string& what)
      : label_(label),
        succeeded_(prometheus::BuildCounter()
                       .Name(name + "_success")
                       .Help("Snapshots whose " + what + " ended well")
                       .Register(registry)),
        failed_(prometheus::BuildCounter()
                    .Name(name + failures)
                    .Help("Snapshots whose " + what + " did not")
                    .Register(registry)),
        running_(prometheus::BuildGauge()
                     .Name(name + "_inflights")
                     .Help("Snapshots whose " + what + " is under way")
                     .Register(registry)),
        seconds_(
            prometheus::BuildHistogram().Name(seconds).Help("Duration of " + what + " a snapshot").Register(registry)) {
  }

  void Started(std::uint64_t peer) {
    started_[peer] = Clock::now();
    running_.Add(Of(peer)).Set(1);
  }
  void Ended(std::uint64_t peer, bool well) {
    const auto started = started_.find(peer);
    if (started == started_.end()) return;
    const std::chrono::duration<double> took = Clock::now() - started->second;
    started_.erase(started);
    running_.Add(Of(peer)).Set(0);
    (well ? succeeded_ : failed_).Add(Of(peer)).Increment();
    seconds_.Add(Of(peer), kSnapshotSeconds).Observe(took.count());
  }

 private:
  [[nodiscard]] prometheus::Labels Of(std::uint64_t peer) const { return {{label_, std::to_string(peer)}}; }

  const char* label_;
  prometheus::Family<Counter>& succeeded_;
  prometheus::Family<Counter>& failed_;
  prometheus::Family<Gauge>& running_;
  prometheus::Family<Histogram>& seconds_;
  std::map<std::uint64_t, Clock::time_point> started_;
};

}  // namespace

struct TraceMetrics::Impl {
  prometheus::Family<Counter>& Counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<Histogram>& Histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  void Follow(const TraceEvent& event);

  prometheus::Registry registry;
  prometheus::Family<Counter>& events = Counters("metasrv_raft_events", "Events of the consensus engine by kind");
  prometheus::Family<Histogram>& stages = Histograms("metasrv_raft_stage_seconds", "Duration of a request's stages");
  prometheus::Family<Histogram>& appends =
      Histograms("metasrv_raft_network_append_sent_seconds", "Duration of append calls");
  Transfers sent{
      registry, "to", "metasrv_raft_network_snapshot_send", "_failure", "metasrv_raft_network_snapshot_sent_seconds",
      "sending"};
  Transfers received{registry,
                     "from",
                     "metasrv_raft_network_snapshot_recv",
                     "_failures",
                     "metasrv_raft_network_snapshot_recv_seconds",
                     "receiving"};
  prometheus::Family<Counter>& write_failures =
      Counters("metasrv_raft_storage_raft_store_write_failed", "Storage write errors");

  Gauge& applying = prometheus::BuildGauge()
                        .Name("metasrv_server_applying_snapshot")
                        .Help("Snapshots being installed")
                        .Register(registry)
                        .Add({});

  // Touched on the node's loop only.
  std::map<Stage, Histogram*> by_stage;
  std::map<std::uint64_t, Histogram*> append_by_peer;
  std::map<TraceKind, Counter*> by_kind;
};

void TraceMetrics::Impl::Follow(const TraceEvent& event) {
  switch (event.kind) {
    case TraceKind::kSnapshotSendStarted: return sent.Started(event.a);
    case TraceKind::kSnapshotSendEnded: return sent.Ended(event.a, event.b == 1);
    case TraceKind::kSnapshotReceiveStarted:
      applying.Set(1);  // they come from the leader, one at a time
      return received.Started(event.a);
    case TraceKind::kSnapshotReceiveEnded: applying.Set(0); return received.Ended(event.a, event.b == 1);
    case TraceKind::kStopped:
      if (event.a == 1) write_failures.Add({{"func", "write"}}).Increment();
      return;
    default: return;
  }
}

TraceMetrics::TraceMetrics(std::unique_ptr<TraceSink> next) : next_(std::move(next)), impl_(std::make_unique<Impl>()) {}
TraceMetrics::~TraceMetrics() = default;

void TraceMetrics::Emit(NodeId node, const TraceEvent& event) {
  Counter*& counter = impl_->by_kind[event.kind];
  if (counter == nullptr) counter = &impl_->events.Add({{"kind", ToString(event.kind)}});
  counter->Increment();
  impl_->Follow(event);
  next_->Emit(node, event);
}

void TraceMetrics::Measure(NodeId node, Stage stage, NodeId peer, Duration took) {
  Histogram*& histogram = impl_->by_stage[stage];
  if (histogram == nullptr) histogram = &impl_->stages.Add({{"stage", ToString(stage)}}, kStageSeconds);
  histogram->Observe(Seconds(took));
  if (stage == Stage::kReplicate) {
    Histogram*& append = impl_->append_by_peer[peer.value()];
    if (append == nullptr) append = &impl_->appends.Add(To(peer.value()), kAppendSeconds);
    append->Observe(Seconds(took));
  }
  next_->Measure(node, stage, peer, took);
}

std::vector<prometheus::MetricFamily> TraceMetrics::Collect() const { return impl_->registry.Collect(); }

}  // namespace metasrv::server
