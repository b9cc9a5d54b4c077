#pragma once

#include <prometheus/metric_family.h>

#include <memory>
#include <vector>

#include "common/trace.h"

namespace metasrv::server {

// Counts and times what happens inside the node (operations.md §4.3, §4.4; the families named `metasrv_raft_stage_…`
// and `metasrv_raft_events` are ours) and passes every event on. Emit and Measure are called on the node's loop,
// Collect anywhere.
class TraceMetrics final : public TraceSink {
 public:
  explicit TraceMetrics(std::unique_ptr<TraceSink> next);
  ~TraceMetrics() override;

  void Emit(NodeId node, const TraceEvent& event) override;
  void Measure(NodeId node, Stage stage, NodeId peer, Duration took) override;

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const;

 private:
  struct Impl;
  std::unique_ptr<TraceSink> next_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::server
