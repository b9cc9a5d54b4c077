#include "bench/load.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "bench/process_cpu.h"
#include "bench/worker.h"

namespace metasrv::bench {
namespace {

using Clock = std::chrono::steady_clock;

// A connection of its own each: channels to one address would otherwise share one.
std::shared_ptr<grpc::Channel> Connect(const std::string& address, int message_bytes_max) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(message_bytes_max);
  arguments.SetMaxSendMessageSize(message_bytes_max);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// One run, from logging in to the figures.
class LoadRun {
 public:
  LoadRun(const LoadOptions& options, const Workload& workload) : options_(options), workload_(workload) {}

  std::expected<void, std::string> LogIn(const Protocol& protocol) {
    constexpr int kMessageBytesMax = 32 << 20;
    for (std::uint64_t i = 0; i < options_.connections; ++i) {
      const std::string& address = options_.addresses[i % options_.addresses.size()];
      Connection& connection = connections_.emplace_back(Connect(address, kMessageBytesMax));
      auto headers = protocol.login(connection.channel, options_.timeout);
      if (!headers) return std::unexpected(address + ": " + headers.error());
      connection.headers = std::move(*headers);
    }
    return {};
  }

  std::expected<LoadResult, std::string> Run() {
    if (auto known = ServerCpu(); !known) return std::unexpected(known.error());
    const bool warms_up = options_.warm_up > Duration();
    measuring_ = !warms_up;
    StartThreads();
    if (warms_up) Sleep(options_.warm_up);
    const Duration client_before = OwnCpuTime();
    const auto servers_before = ServerCpu();
    const Clock::time_point start = Clock::now();
    measuring_ = true;
    Sleep(options_.run);
    over_ = options_.run.has_value();
    LoadResult result;
    result.elapsed =
        Duration::Micros(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
    result.client_cpu = OwnCpuTime() - client_before;
    const auto servers_after = ServerCpu();
    for (std::thread& thread : running_) thread.join();
    for (const auto& state : threads_) Add(*state, result);
    if (!servers_before || !servers_after) return std::unexpected("a process ended while its CPU time was measured");
    for (const auto& [pid, before] : *servers_before) result.server_cpu[pid] = servers_after->at(pid) - before;
    return result;
  }

 private:
  void StartThreads() {
    const std::uint64_t count = workload_.is_composite() ? options_.clients : options_.threads;
    for (std::uint64_t i = 0; i < count; ++i) {
      LoadThread& state = *threads_.emplace_back(std::make_unique<LoadThread>(workload_, measuring_, over_));
      state.timeout = options_.timeout;
      if (options_.on_result) {
        state.on_result = [this](std::uint64_t number, const std::string& result) {
          const std::lock_guard lock(mutex_);
          options_.on_result(number, result);
        };
      }
    }
    left_ = count;
    for (std::uint64_t i = 0; i < count; ++i) {
      running_.emplace_back([this, i] {
        workload_.is_composite() ? ServeComposite(i) : Serve(i);
        const std::lock_guard lock(mutex_);
        --left_;
        done_.notify_one();
      });
    }
  }

  void ServeComposite(std::uint64_t index) {
    RunComposite(*threads_[index], connections_[index % options_.connections], index + 1, options_.operations);
  }

  // Worker i uses connection (i - 1) mod connections, and connection c is served by thread c mod threads.
  void Serve(std::uint64_t index) {
    LoadThread& state = *threads_[index];
    std::deque<Worker> workers;
    for (std::uint64_t i = 1; i <= options_.clients; ++i) {
      const std::uint64_t connection = (i - 1) % options_.connections;
      if (connection % options_.threads != index) continue;
      workers.emplace_back(state, connections_[connection], i, options_.operations);
    }
    for (Worker& worker : workers) worker.Start();
    void* tag = nullptr;
    bool ok = false;
    while (state.workers_left > 0 && state.queue.Next(&tag, &ok)) static_cast<Worker*>(tag)->OnEvent(ok);
    state.queue.Shutdown();
    while (state.queue.Next(&tag, &ok)) {
    }
  }

  // Waits that long, or, without a time, for the workers; never longer than for the workers.
  void Sleep(std::optional<Duration> time) {
    std::unique_lock lock(mutex_);
    const auto all_done = [this] { return left_ == 0; };
    if (time) {
      done_.wait_for(lock, std::chrono::microseconds(time->micros()), all_done);
    } else {
      done_.wait(lock, all_done);
    }
  }

  static void Add(const LoadThread& state, LoadResult& result) {
    result.succeeded += state.succeeded;
    result.failed += state.failed;
    result.latency.Merge(state.latency);
    if (result.first_error.empty()) result.first_error = state.first_error;
  }

  std::expected<std::map<pid_t, Duration>, std::string> ServerCpu() const {
    std::map<pid_t, Duration> used;
    for (const pid_t pid : options_.pids) {
      const auto time = CpuTimeOf(pid);
      if (!time) return std::unexpected("there is no process " + std::to_string(pid));
      used[pid] = *time;
    }
    return used;
  }

  const LoadOptions& options_;
  const Workload& workload_;
  std::deque<Connection> connections_;
  std::vector<std::unique_ptr<LoadThread>> threads_;
  std::vector<std::thread> running_;
  std::atomic<bool> measuring_ = false;
  std::atomic<bool> over_ = false;
  std::mutex mutex_;
  std::condition_variable done_;
  std::uint64_t left_ = 0;
};

}  // namespace

std::expected<LoadResult, std::string> RunLoad(const LoadOptions& options, const Protocol& protocol,
                                               const Workload& workload) {
  LoadRun run(options, workload);
  if (auto in = run.LogIn(protocol); !in) return std::unexpected(in.error());
  return run.Run();
}

}  // namespace metasrv::bench
