// The server: config-and-cli.md §5.1 from top to bottom.
#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

#include "bin/meta_process.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/grpc_server.h"
#include "server/log.h"
#include "server/version.h"

namespace {

using metasrv::MetaProcess;
namespace server = metasrv::server;

constexpr int kFailure = 1;
constexpr int kUsageError = 2;
constexpr std::chrono::seconds kClosingMax{10};

void PrintLine(const std::string& line) { std::cout << line << '\n' << std::flush; }

int Fail(const std::string& text) {
  server::LogError(text);
  std::cerr << "Error: " << text << '\n';
  server::CloseLog();
  return kFailure;
}

// What the main thread waits for.
class Waiter {
 public:
  void Registered(std::expected<void, std::string> result) {
    Set([&] { registered_ = std::move(result); });
  }
  void Fatal(const std::string& reason) {
    Set([&] { fatal_ = reason; });
  }
  void Terminate() {
    Set([&] { terminate_ = true; });
  }

  // Errors: why the process must exit.
  std::expected<void, std::string> WaitRegistered() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return registered_ || fatal_ || terminate_; });
    if (fatal_) return std::unexpected(*fatal_);
    if (!registered_) return std::unexpected("terminated by a signal before the node was ready");
    return *registered_;
  }
  std::expected<void, std::string> WaitEnd() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return fatal_ || terminate_; });
    if (fatal_) return std::unexpected(*fatal_);
    return {};
  }

 private:
  template <class F>
  void Set(F change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::expected<void, std::string>> registered_;
  std::optional<std::string> fatal_;
  bool terminate_ = false;
};

sigset_t HandledSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Receives the blocked signals on a thread of its own, for the rest of the process's life (§6.11).
void StartSignalThread(Waiter& waiter) {
  std::thread([&waiter] {
    const sigset_t set = HandledSignals();
    bool terminating = false;
    for (int signal = 0; sigwait(&set, &signal) == 0;) {
      if (signal == SIGHUP) {
        server::ReopenLog();
        server::LogInfo("Received SIGHUP: log files were opened again.");
      } else if (terminating) {
        _exit(kFailure);
      } else {
        terminating = true;
        server::LogInfo("Received termination signal.");
        server::LogInfo("Press Ctrl + C again to force shutdown.");
        waiter.Terminate();
      }
    }
  }).detach();
}

void LogStart(const server::Config& config) {
  server::LogInfo(std::string("Databend Meta version: v") + server::kProductVersion + "-" + server::kGitSha);
  server::LogInfo("Databend Meta start with config: " + ShowConfig(config));
  for (const std::string& warning : config.warnings) server::LogWarn(warning);
  if (config.log_storage.on) server::LogWarn("`log.storage` is not supported and was ignored");
}

void PrintUpgrade() {
  std::cerr << "Upgrade ondisk data if out of date: " << server::kDataVersion << "\n"
            << "    Find and clean previous unfinished upgrading\n"
            << "Upgrade ondisk data finished: " << server::kDataVersion << "\n";
}

// A process that ends because its disk hangs must not wait for that disk.
void ExitAtLatestAfter(std::chrono::seconds patience, int exit_code) {
  std::thread([patience, exit_code] {
    std::this_thread::sleep_for(patience);
    _exit(exit_code);
  }).detach();
}

// Ends the process's work in order; idle connections may make the final cleaning impossible.
void CloseAndExitIfNeeded(MetaProcess& process, int exit_code) {
  if (process.Close()) return;
  server::CloseLog();
  std::cout.flush();
  _exit(exit_code);
}

int RunUntilEnd(MetaProcess& process, Waiter& waiter) {
  auto started = process.Start({PrintLine, [&](auto result) { waiter.Registered(std::move(result)); },
                                [&](const std::string& reason) { waiter.Fatal(reason); }});
  if (!started) server::LogError("Failed to start MetaNode: " + started.error());
  if (started) {
    process.JoinAndRegister();
    started = waiter.WaitRegistered();
  }
  if (started) {
    PrintLine("");
    PrintLine("Databend Metasrv started");
    started = waiter.WaitEnd();
  }
  if (!started) {
    const int code = Fail(started.error());
    ExitAtLatestAfter(kClosingMax, code);
    CloseAndExitIfNeeded(process, code);
    return code;
  }
  process.HandOver();
  bool closed = process.Close();
  PrintLine("Databend Metasrv shutdown");
  server::LogInfo("Databend-meta is done shutting down");
  server::CloseLog();
  if (!closed) _exit(0);
  return 0;
}

int Serve(const server::Config& config) {
  static Waiter waiter;  // the signal thread outlives this function
  StartSignalThread(waiter);
  PrintLine(server::BannerStart());
  auto process = MetaProcess::Open(config);
  if (!process) return Fail(process.error());
  if (auto valid = ValidateRaft(config, (*process)->initialised()); !valid) return Fail(valid.error());
  PrintLine(server::BannerConfig(config));
  PrintUpgrade();
  return RunUntilEnd(**process, waiter);
}

int Run(const server::Config& config) {
  if (auto valid = ValidateLogFormats(config); !valid) return Fail(valid.error());
  if (auto valid = ValidateAddresses(config); !valid) return Fail(valid.error());
  if (!config.cmd.empty()) {
    server::RunCommand(config);
    return 0;
  }
  if (auto opened = server::OpenLog(config); !opened) return Fail(opened.error());
  server::RouteGrpcLog();
  server::TuneGrpc();
  LogStart(config);
  // Whether the directory holds a node is known exactly only once it is open; Serve asks again.
  std::error_code ignored;
  const bool may_hold_node = std::filesystem::exists(config.raft.raft_dir + "/df_meta", ignored);
  if (auto valid = ValidateRaft(config, may_hold_node); !valid) return Fail(valid.error());
  if (!config.raft.leave_via.empty()) {
    auto left = server::Leave(config.raft);
    if (!left) return Fail(left.error());
    server::CloseLog();
    return 0;
  }
  return Serve(config);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto command_line = server::ParseCommandLine(argc, argv);
  if (!command_line) {
    std::cerr << command_line.error() << '\n';
    return kUsageError;
  }
  if (command_line->help || command_line->version) {
    std::cout << (command_line->help ? *command_line->help : server::VersionLines());
    return 0;
  }
  auto config = server::LoadConfig(*command_line, server::ReadProcessEnvironment);
  if (!config) return Fail(config.error());
  // Before any thread exists, so that all of them leave the signals to the one that waits for them.
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return Run(*config);
}
