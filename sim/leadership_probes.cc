#include "sim/leadership_probes.h"

#include "consensus/output.h"
#include "node/options.h"

namespace metasrv::sim {
namespace {

void CountTransferEnd(TransferResult result, Probes& probes) {
  switch (result) {
    case TransferResult::kDone: return probes.Hit(Probe::k_transfer_done);
    case TransferResult::kDeposed: return probes.Hit(Probe::k_transfer_deposed);
    case TransferResult::kTimedOut: return probes.Hit(Probe::k_transfer_timed_out);
    default: return;
  }
}

}  // namespace

void CountLeadershipEvent(const TraceEvent& event, Probes& probes) {
  switch (event.kind) {
    case TraceKind::kTransferStarted: return probes.Hit(Probe::k_transfer_started);
    case TraceKind::kTransferEnded: return CountTransferEnd(static_cast<TransferResult>(event.a), probes);
    case TraceKind::kTimeoutNow: return probes.Hit(Probe::k_timeout_now);
    case TraceKind::kWriteHeld: return probes.Hit(Probe::k_write_held);
    case TraceKind::kHandOver:
      switch (static_cast<node::HandOverReason>(event.a)) {
        case node::HandOverReason::kSlowDisk: return probes.Hit(Probe::k_stall_hand_over);
        case node::HandOverReason::kFullDisk: return probes.Hit(Probe::k_space_hand_over);
        case node::HandOverReason::kOperator:
        case node::HandOverReason::kStopping: return;
      }
      return;
    case TraceKind::kDiskHealth:
      if (static_cast<DiskLevel>(event.a) == DiskLevel::kStalled && event.b == 1) probes.Hit(Probe::k_stall_step_down);
      return;
    case TraceKind::kDiskGivenUp: return probes.Hit(Probe::k_stall_exit);
    default: return;
  }
}

}  // namespace metasrv::sim
