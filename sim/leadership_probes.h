#pragma once

#include "common/trace.h"
#include "sim/probes.h"

namespace metasrv::sim {

// Counts what happens around transfers of leadership and bad disks.
void CountLeadershipEvent(const TraceEvent& event, Probes& probes);

}  // namespace metasrv::sim
