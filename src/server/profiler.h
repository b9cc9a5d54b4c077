#pragma once

#include <chrono>
#include <expected>
#include <string>

namespace metasrv::server {

// Where this process spends its CPU time during `duration`, in the protobuf form of pprof (src/proto/profile.proto):
// every thread's stack, `frequency` times per second of CPU time. Blocks. Functions are named as far as the process
// knows them itself; the pprof tool finds the others in the binary.
// Errors: another profile is being taken; the timer can not be set.
[[nodiscard]] std::expected<std::string, std::string> CpuProfile(std::chrono::milliseconds duration, int frequency);

}  // namespace metasrv::server
