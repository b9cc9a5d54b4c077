#pragma once

#include <cstdint>
#include <string>

#include "common/time.h"

namespace metasrv::io {

// What the network does to messages. Rates are in parts per million of the messages of a link.
struct NetworkFaults {
  Duration delay_min = Duration::Micros(200);
  Duration delay_max = Duration::Micros(1000);
  std::uint32_t loss_ppm = 0;
  std::uint32_t duplicate_ppm = 0;                      // one-way messages only: a second copy arrives on its own
  Duration duplicate_delay_max = Duration::Millis(50);  // how late the copy may be; long values make ghosts
  std::uint32_t reorder_ppm = 0;                        // messages that ignore the order of their link
  std::uint32_t tail_ppm = 0;                           // messages with up to `tail_max` of extra delay
  Duration tail_max = Duration::Millis(200);
};

// What a disk does. Rates are in parts per million of the syncs.
struct DiskFaults {
  Duration sync_min = Duration::Micros(100);
  Duration sync_max = Duration::Micros(1000);
  Duration flush_min = Duration::Micros(500);  // flush of the state store
  Duration flush_max = Duration::Millis(5);
  Duration install_min = Duration::Millis(1);  // commit of a state installer
  Duration install_max = Duration::Millis(20);
  Duration read_min = Duration::Micros(50);  // reading entries of the log back
  Duration read_max = Duration::Micros(500);
  std::uint32_t read_slow_ppm = 0;  // reads that take up to `read_slow_max` longer
  Duration read_slow_max = Duration::Millis(100);
  std::uint32_t slow_ppm = 0;  // operations that take `slow_factor` times as long
  std::uint32_t slow_factor = 20;
  std::uint32_t sync_error_ppm = 0;  // syncs that fail and poison their store
  bool torn_writes = false;          // a crash may leave one torn record behind the kept ones
};

// How wrong a node's clocks are.
struct ClockFaults {
  std::int32_t drift_ppm = 0;         // monotonic clock: > 0 runs fast. Requires: within +-900'000
  std::int64_t wall_skew_millis = 0;  // wall clock: > 0 is ahead
};

// All rates and limits of one run.
struct Faults {
  NetworkFaults network;
  DiskFaults disk;
  ClockFaults clock;
};

// "delay=200..1000us loss=0ppm ..." on one line, every field.
[[nodiscard]] std::string ToString(const NetworkFaults& faults);
[[nodiscard]] std::string ToString(const DiskFaults& faults);
[[nodiscard]] std::string ToString(const ClockFaults& faults);
[[nodiscard]] std::string ToString(const Faults& faults);

}  // namespace metasrv::io
