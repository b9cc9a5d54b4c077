#pragma once

#include <cstdint>
#include <memory>

#include "node/client_api.h"
#include "sim/command_maker.h"
#include "sim/oracle.h"
#include "sm/read.h"

namespace metasrv::sim {

// One read of a view that was frozen when it was asked for: record by record, as a stream is served, while the node
// goes on.
class Reading {
 public:
  // Requires: view.status is kReady.
  Reading(ReadPlan plan, node::ReadResult view);

  // Reads one record more. False: there is none, and all of it was seen.
  [[nodiscard]] bool Step();
  [[nodiscard]] const ReadSeen& seen() const { return seen_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] const ReadPlan& plan() const { return plan_; }

 private:
  [[nodiscard]] bool StepList();

  ReadPlan plan_;
  node::ReadResult view_;
  ReadSeen seen_;
  std::uint64_t steps_ = 0;
  std::unique_ptr<sm::PrefixScan> scan_;  // of the list that was begun last
};

}  // namespace metasrv::sim
