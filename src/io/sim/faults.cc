#include "io/sim/faults.h"

namespace metasrv::io {
namespace {

std::string Span(const char* name, Duration low, Duration high) {
  return std::string(name) + "=" + std::to_string(low.micros()) + ".." + std::to_string(high.micros()) + "us ";
}

std::string Rate(const char* name, std::uint32_t ppm) { return std::string(name) + "=" + std::to_string(ppm) + "ppm "; }

}  // namespace

std::string ToString(const NetworkFaults& faults) {
  return Span("delay", faults.delay_min, faults.delay_max) + Rate("loss", faults.loss_ppm) +
         Rate("duplicate", faults.duplicate_ppm) + Span("duplicate_delay", Duration(), faults.duplicate_delay_max) +
         Rate("reorder", faults.reorder_ppm) + Rate("tail", faults.tail_ppm) +
         Span("tail_delay", Duration(), faults.tail_max);
}

std::string ToString(const DiskFaults& faults) {
  return Span("sync", faults.sync_min, faults.sync_max) + Span("read", faults.read_min, faults.read_max) +
         Span("flush", faults.flush_min, faults.flush_max) + Span("install", faults.install_min, faults.install_max) +
         Rate("slow", faults.slow_ppm) + "slow_factor=" + std::to_string(faults.slow_factor) + " " +
         Rate("sync_error", faults.sync_error_ppm) + "torn_writes=" + (faults.torn_writes ? "yes " : "no ");
}

std::string ToString(const ClockFaults& faults) {
  return "drift=" + std::to_string(faults.drift_ppm) + "ppm wall_skew=" + std::to_string(faults.wall_skew_millis) +
         "ms ";
}

std::string ToString(const Faults& faults) {
  return "network: " + ToString(faults.network) + "disk: " + ToString(faults.disk) + "clock: " + ToString(faults.clock);
}

}  // namespace metasrv::io
