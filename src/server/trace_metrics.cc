#include "server/trace_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <chrono>
#include <map>
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

}  // namespace

struct TraceMetrics::Impl {
  prometheus::Family<Counter>& Counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<Gauge>& Gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<Histogram>& Histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  void SendStarted(std::uint64_t to);
  void SendEnded(std::uint64_t to, bool delivered);

  prometheus::Registry registry;
  prometheus::Family<Counter>& events = Counters("metasrv_raft_events", "Events of the consensus engine by kind");
  prometheus::Family<Histogram>& stages = Histograms("metasrv_raft_stage_seconds", "Duration of a request's stages");
  prometheus::Family<Histogram>& appends =
      Histograms("metasrv_raft_network_append_sent_seconds", "Duration of append calls");
  prometheus::Family<Counter>& sends_succeeded =
      Counters("metasrv_raft_network_snapshot_send_success", "Snapshots that a peer installed");
  prometheus::Family<Counter>& sends_failed =
      Counters("metasrv_raft_network_snapshot_send_failure", "Snapshots that a peer did not install");
  prometheus::Family<Gauge>& sends_running =
      Gauges("metasrv_raft_network_snapshot_send_inflights", "Snapshots being sent");
  prometheus::Family<Histogram>& send_seconds =
      Histograms("metasrv_raft_network_snapshot_sent_seconds", "Duration of sending a snapshot");
  prometheus::Family<Counter>& write_failures =
      Counters("metasrv_raft_storage_raft_store_write_failed", "Storage write errors");

  // Touched on the node's loop only.
  std::map<Stage, Histogram*> by_stage;
  std::map<std::uint64_t, Histogram*> append_by_peer;
  std::map<TraceKind, Counter*> by_kind;
  std::map<std::uint64_t, Clock::time_point> send_started;
};

void TraceMetrics::Impl::SendStarted(std::uint64_t to) {
  send_started[to] = Clock::now();
  sends_running.Add(To(to)).Set(1);
}

void TraceMetrics::Impl::SendEnded(std::uint64_t to, bool delivered) {
  const auto started = send_started.find(to);
  if (started == send_started.end()) return;
  const std::chrono::duration<double> took = Clock::now() - started->second;
  send_started.erase(started);
  sends_running.Add(To(to)).Set(0);
  (delivered ? sends_succeeded : sends_failed).Add(To(to)).Increment();
  send_seconds.Add(To(to), kSnapshotSeconds).Observe(took.count());
}

TraceMetrics::TraceMetrics(std::unique_ptr<TraceSink> next) : next_(std::move(next)), impl_(std::make_unique<Impl>()) {}
TraceMetrics::~TraceMetrics() = default;

void TraceMetrics::Emit(NodeId node, const TraceEvent& event) {
  Counter*& counter = impl_->by_kind[event.kind];
  if (counter == nullptr) counter = &impl_->events.Add({{"kind", ToString(event.kind)}});
  counter->Increment();
  if (event.kind == TraceKind::kSnapshotSendStarted) impl_->SendStarted(event.a);
  if (event.kind == TraceKind::kSnapshotSendEnded) impl_->SendEnded(event.a, event.b == 1);
  if (event.kind == TraceKind::kStopped && event.a == 1) impl_->write_failures.Add({{"func", "write"}}).Increment();
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
