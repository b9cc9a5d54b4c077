// Writes a known sequence of batches to the log in the directory given, and reports each acknowledged batch as a line
// on standard output. rocks_log_kill_test kills it at a moment of its choice.

#include <unistd.h>

#include <cstdio>
#include <string>

#include "io/real/os_clock.h"
#include "io/real/rocks_log_store.h"
#include "io/real/thread_loop.h"
#include "tests/io/log_kill_workload.h"

int main(int argc, char** argv) {
  using namespace metasrv;
  if (argc != 2) return 2;
  const io::OsClock clock;
  io::ThreadLoop loop(clock);
  io::RocksLogOptions options;
  options.directory = argv[1];
  options.memtable_bytes = std::size_t{256} << 10U;
  options.free_bytes_min = 0;
  auto store = io::RocksLogStore::Open(options, loop);
  if (!store) return 3;
  std::function<void(std::uint64_t)> write = [&](std::uint64_t number) {
    (*store)->Write(test::KillBatch(number), [&write, number](test::Outcome outcome) {
      if (!outcome) std::exit(4);
      const std::string line = std::to_string(number) + "\n";
      if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::exit(5);
      write(number + test::kKillPipeline);
    });
  };
  loop.Post([&] {
    for (std::uint64_t number = 1; number <= test::kKillPipeline; ++number) write(number);
  });
  loop.Run();
}
