// Kills a writing process with SIGKILL, again and again on the same directory, and compares what is left with what it
// said it had written.

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <string>

#include "io/real/rocks_log_store.h"
#include "tests/io/log_kill_workload.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {

// Runs the writer until it has acknowledged `count` batches, kills it and returns the last batch that it reported.
std::uint64_t WriteAndKill(const std::string& directory, std::uint64_t count) {
  std::array<int, 2> pipe_ends{};
  CHECK_EQ(pipe(pipe_ends.data()), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
  std::string program = METASRV_LOG_CRASH_WRITER;
  std::string argument = directory;
  std::array<char*, 3> arguments = {program.data(), argument.data(), nullptr};
  pid_t writer = 0;
  CHECK_EQ(posix_spawn(&writer, program.c_str(), &actions, nullptr, arguments.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);

  std::FILE* const reports = fdopen(pipe_ends[0], "r");
  std::uint64_t last = 0;
  unsigned long long number = 0;  // NOLINT: what scanf wants
  while (std::fscanf(reports, "%llu", &number) == 1) {
    EXPECT_EQ(number, last + 1) << "acknowledged out of order";
    last = number;
    if (last == count) kill(writer, SIGKILL);
  }
  std::fclose(reports);
  int status = 0;
  CHECK_EQ(waitpid(writer, &status, 0), writer);
  EXPECT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
  return last;
}

TEST(RocksLogKill, AKilledProcessLosesNothingThatItAcknowledged) {
  for (const std::uint64_t count : {1U, 2U, 3U, 10U, 60U, 333U, 1000U}) {
    SCOPED_TRACE(std::to_string(count) + " batches");
    const TempDir dir;
    const std::uint64_t acknowledged = WriteAndKill(dir / "log", count);
    ASSERT_GE(acknowledged, count);

    PumpLoop loop;
    io::RocksLogOptions options;
    options.directory = dir / "log";
    const auto store = io::RocksLogStore::Open(options, loop);
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    const auto log = (*store)->Load();
    ASSERT_TRUE(log.has_value()) << log.error().detail;
    ASSERT_FALSE(log->entries.empty());
    // Two entries per batch, so the last index tells how many batches there are.
    const std::uint64_t found = (log->entries.back().id.index.value() + 1) / 2;
    EXPECT_GE(found, acknowledged);
    EXPECT_LE(found, acknowledged + kKillPipeline);
    LogModel model;
    for (std::uint64_t number = 1; number <= found; ++number) model.Apply(KillBatch(number));
    EXPECT_EQ(Show(*log), model.text());
  }
}

}  // namespace
}  // namespace metasrv::test
