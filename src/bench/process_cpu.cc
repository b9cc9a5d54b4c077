#include "bench/process_cpu.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace metasrv::bench {

std::optional<Duration> CpuTimeOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field is the program's name in parentheses and may hold anything; utime and stime are fields 14 and 15.
  std::istringstream rest(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) rest >> skipped;
  std::int64_t user = 0;
  std::int64_t system = 0;
  if (!(rest >> user >> system)) return std::nullopt;
  return Duration::Micros((user + system) * 1'000'000 / sysconf(_SC_CLK_TCK));
}

Duration OwnCpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; };
  return Duration::Micros(micros(usage.ru_utime) + micros(usage.ru_stime));
}

}  // namespace metasrv::bench
