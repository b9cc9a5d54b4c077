#include "sim/cli/sweep.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "common/check.h"
#include "sim/run.h"

namespace metasrv::sim {
namespace {

constexpr unsigned kSeedWallSecondsMax = 120;
constexpr std::uint64_t kTwiceShare = 10;

// One process that works through its share of the seeds.
struct Worker {
  pid_t pid = -1;
  int output = -1;
  std::string buffered;
  std::uint64_t next = 0;  // the seed it is at or will do next
  bool started = false;    // it is at `next`
  std::string last_words;  // of a failed CHECK
};

void OnCheckFailed(std::string_view message) {
  std::string line(message);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::printf("X %s\n", line.c_str());
  std::fflush(stdout);
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void PrintOutcome(std::uint64_t seed, const RunResult& result) {
  const int code = result.failure ? static_cast<int>(result.failure->failure_class) : 0;
  std::ostringstream line;
  line << "D " << seed << ' ' << code << ' ' << result.digest << ' ' << result.events << ' '
       << result.simulated.millis();
  for (const std::uint64_t count : result.probes.counts()) line << ' ' << count;
  if (result.failure) line << ' ' << result.failure->property.name << '|' << OneLine(result.failure->detail);
  std::printf("%s\n", line.str().c_str());
  std::fflush(stdout);
}

class SweepRun {
 public:
  // `environment`: 0 is the ordinary one; others differ in what a deterministic program must not notice.
  SweepRun(const SweepPlan& plan, int environment) : plan_(plan), environment_(environment) {}

  SweepResult Go(std::uint64_t first, std::uint64_t stride_scale, std::map<std::uint64_t, SeedOutcome>& outcomes) {
    const auto began = std::chrono::steady_clock::now();
    began_ = began;
    end_ = plan_.first + plan_.count;
    stride_ = plan_.jobs * stride_scale;
    std::vector<Worker> workers(plan_.jobs);
    for (std::uint64_t i = 0; i < plan_.jobs; ++i) {
      workers[i].next = first + i * stride_scale;
      Spawn(workers[i]);
    }
    while (AnyRunning(workers) && !stop_) Wait(workers, outcomes);
    for (Worker& worker : workers) Reap(worker);
    result_.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return std::move(result_);
  }

 private:
  static bool AnyRunning(const std::vector<Worker>& workers) {
    return std::any_of(workers.begin(), workers.end(), [](const Worker& worker) { return worker.pid > 0; });
  }

  void Spawn(Worker& worker) {
    if (worker.next >= end_) return;
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) != 0) std::abort();
    std::vector<std::string> arguments = {
        "metasim", "--worker",
        std::to_string(worker.next) + "," + std::to_string(stride_) + "," + std::to_string(end_)};
    for (const std::string& assignment : plan_.overrides) arguments.insert(arguments.end(), {"--set", assignment});
    if (!plan_.mutant.empty()) arguments.insert(arguments.end(), {"--mutant", plan_.mutant});
    worker.pid = fork();
    if (worker.pid == 0) {
      dup2(pipe_ends[1], STDOUT_FILENO);
      Exec(arguments);
    }
    close(pipe_ends[1]);
    worker.output = pipe_ends[0];
    worker.buffered.clear();
    worker.last_words.clear();
    worker.started = false;
  }

  [[noreturn]] void Exec(const std::vector<std::string>& arguments) const {
    if (environment_ != 0) {
      setenv("TZ", "Pacific/Kiritimati", 1);
      setenv("LC_ALL", "C.UTF-8", 1);
      setenv("MALLOC_PERTURB_", "165", 1);
      setenv("METASIM_PADDING", std::string(4000, 'x').c_str(), 1);
      if (chdir("/") != 0) std::abort();
    }
    std::vector<char*> pointers;
    for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    execv("/proc/self/exe", pointers.data());
    std::abort();
  }

  void Wait(std::vector<Worker>& workers, std::map<std::uint64_t, SeedOutcome>& outcomes) {
    std::vector<pollfd> polled;
    std::vector<Worker*> owners;
    for (Worker& worker : workers) {
      if (worker.pid <= 0) continue;
      polled.push_back({worker.output, POLLIN, 0});
      owners.push_back(&worker);
    }
    poll(polled.data(), polled.size(), 1000);
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents != 0) Read(*owners[i], outcomes);
    }
    Progress();
  }

  void Read(Worker& worker, std::map<std::uint64_t, SeedOutcome>& outcomes) {
    char bytes[65536];
    const ssize_t count = read(worker.output, bytes, sizeof bytes);
    if (count > 0) {
      worker.buffered.append(bytes, static_cast<std::size_t>(count));
      for (auto newline = worker.buffered.find('\n'); newline != std::string::npos;
           newline = worker.buffered.find('\n')) {
        OnLine(worker, worker.buffered.substr(0, newline), outcomes);
        worker.buffered.erase(0, newline + 1);
      }
      return;
    }
    int status = 0;
    waitpid(worker.pid, &status, 0);
    close(worker.output);
    worker.pid = -1;
    if (!worker.started) return;
    SeedOutcome died;
    died.seed = worker.next;
    died.exit_code = static_cast<int>(FailureClass::kCrash);
    died.property = "no crash";
    died.detail = !worker.last_words.empty() ? worker.last_words
                  : WIFSIGNALED(status)      ? "killed by signal " + std::to_string(WTERMSIG(status))
                                             : "exited by itself";
    OnOutcome(died, outcomes);
    worker.next += stride_;
    if (!stop_) Spawn(worker);
  }

  void OnLine(Worker& worker, const std::string& line, std::map<std::uint64_t, SeedOutcome>& outcomes) {
    std::istringstream words(line.substr(1));
    if (line[0] == 'S') {
      words >> worker.next;
      worker.started = true;
    } else if (line[0] == 'X') {
      worker.last_words = line.substr(2);
    } else if (line[0] == 'D') {
      SeedOutcome outcome;
      words >> outcome.seed >> outcome.exit_code >> outcome.digest >> outcome.events >> outcome.simulated_ms;
      Probes::Counts counts{};
      for (std::uint64_t& count : counts) words >> count;
      result_.probes.Add(counts);
      std::getline(words >> std::ws, outcome.property, '|');
      std::getline(words, outcome.detail);
      worker.started = false;
      worker.next = outcome.seed + stride_;
      OnOutcome(outcome, outcomes);
    }
  }

  void OnOutcome(const SeedOutcome& outcome, std::map<std::uint64_t, SeedOutcome>& outcomes) {
    ++result_.seeds;
    result_.events += outcome.events;
    result_.simulated_ms += outcome.simulated_ms;
    outcomes[outcome.seed] = outcome;
    if (outcome.exit_code == 0) return;
    result_.failures.push_back(outcome);
    stop_ = stop_ || plan_.stop_at_failure;
    if (plan_.quiet) return;
    std::printf("seed %llu FAILED (%s): %s: %s\n", static_cast<unsigned long long>(outcome.seed),
                ToString(static_cast<FailureClass>(outcome.exit_code)), outcome.property.c_str(),
                outcome.detail.c_str());
    std::fflush(stdout);
  }

  void Progress() {
    const auto now = std::chrono::steady_clock::now();
    if (plan_.quiet || now - shown_ < std::chrono::seconds(10)) return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - began_).count();
    std::printf("%llu seeds, %zu failed, %.1f seeds/s\n", static_cast<unsigned long long>(result_.seeds),
                result_.failures.size(), static_cast<double>(result_.seeds) / seconds);
    std::fflush(stdout);
  }

  void Reap(Worker& worker) {
    if (worker.pid <= 0) return;
    kill(worker.pid, SIGKILL);
    waitpid(worker.pid, nullptr, 0);
    close(worker.output);
    worker.pid = -1;
  }

  const SweepPlan& plan_;
  int environment_;
  SweepResult result_;
  std::uint64_t end_ = 0;
  std::uint64_t stride_ = 1;
  bool stop_ = false;
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
};

// Runs a share of the seeds again, in another environment, and compares.
void CompareShare(const SweepPlan& plan, const std::map<std::uint64_t, SeedOutcome>& first, SweepResult& result) {
  SweepPlan quiet = plan;
  quiet.quiet = true;
  std::map<std::uint64_t, SeedOutcome> second;
  static_cast<void>(SweepRun(quiet, 1).Go(plan.first, kTwiceShare, second));
  for (const auto& [seed, outcome] : second) {
    const auto before = first.find(seed);
    if (before == first.end()) continue;
    ++result.compared;
    if (before->second.digest == outcome.digest && before->second.exit_code == outcome.exit_code) continue;
    SeedOutcome differs = outcome;
    differs.exit_code = static_cast<int>(FailureClass::kNondeterminism);
    differs.property = "same digest";
    differs.detail = std::to_string(before->second.digest) + " and " + std::to_string(outcome.digest);
    result.failures.push_back(differs);
  }
}

}  // namespace

int SweepWorker(std::uint64_t first, std::uint64_t stride, std::uint64_t end,
                const std::vector<std::string>& overrides) {
  SetCheckFailureHook(OnCheckFailed);
  for (std::uint64_t seed = first; seed < end; seed += stride) {
    std::printf("S %llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    alarm(kSeedWallSecondsMax);
    RunOptions options = DeriveOptions(seed);
    for (const std::string& assignment : overrides) {
      if (!Override(options, assignment)) return 64;
    }
    PrintOutcome(seed, Run(options));
  }
  return 0;
}

SweepResult Sweep(const SweepPlan& plan) {
  std::map<std::uint64_t, SeedOutcome> outcomes;
  SweepResult result = SweepRun(plan, 0).Go(plan.first, 1, outcomes);
  if (plan.twice) CompareShare(plan, outcomes, result);
  return result;
}

std::string SummaryText(const SweepResult& result) {
  char head[400];
  std::snprintf(
      head, sizeof head,
      "\n%llu seeds, %zu failures, %.0f seeds/min, %.0f simulated seconds per second, %.0f events per second, "
      "%llu compared with a second run\n",
      static_cast<unsigned long long>(result.seeds), result.failures.size(),
      60.0 * static_cast<double>(result.seeds) / result.wall_seconds,
      static_cast<double>(result.simulated_ms) / 1000.0 / result.wall_seconds,
      static_cast<double>(result.events) / result.wall_seconds, static_cast<unsigned long long>(result.compared));
  std::map<std::string, std::uint64_t> by_property;
  for (const SeedOutcome& failure : result.failures) ++by_property[failure.property];
  std::string text = head;
  for (const auto& [property, count] : by_property) text += "  " + property + ": " + std::to_string(count) + "\n";
  return text;
}

}  // namespace metasrv::sim
