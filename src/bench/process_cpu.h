#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <vector>

#include "common/time.h"

namespace metasrv::bench {

// CPU time that a process has used so far, all threads, user and system; none when there is no such process.
// Resolution: the kernel's clock tick, 10 ms as a rule.
[[nodiscard]] std::optional<Duration> CpuTimeOf(pid_t pid);

// CPU time of this process.
[[nodiscard]] Duration OwnCpuTime();

}  // namespace metasrv::bench
