#include "server/profiler.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "profile.pb.h"

namespace metasrv::server {
namespace {

using Address = std::uintptr_t;

constexpr std::size_t kFramesMax = 64;
constexpr std::size_t kSamplesMax = 32'768;
// The handler itself and the frame through which the kernel calls it.
constexpr std::size_t kOwnFrames = 2;

struct Stack {
  std::array<void*, kFramesMax> frames;
  int count = 0;
};

// What the signal handler writes to. The memory is there beforehand; each sample takes the next place.
struct Samples {
  explicit Samples(std::size_t capacity) : stacks(capacity) {}
  std::vector<Stack> stacks;
  std::atomic<std::size_t> next = 0;
};

std::atomic<Samples*> collecting = nullptr;
std::atomic<int> handlers_running = 0;

void OnTick(int /*signal*/) {
  const int saved_errno = errno;
  handlers_running.fetch_add(1);
  if (Samples* samples = collecting.load()) {
    const std::size_t place = samples->next.fetch_add(1);
    if (place < samples->stacks.size()) {
      Stack& stack = samples->stacks[place];
      stack.count = backtrace(stack.frames.data(), kFramesMax);
    }
  }
  handlers_running.fetch_sub(1);
  errno = saved_errno;
}

bool SetTimer(std::chrono::microseconds interval) {
  itimerval timer{};
  timer.it_interval.tv_sec = interval.count() / 1'000'000;
  timer.it_interval.tv_usec = interval.count() % 1'000'000;
  timer.it_value = timer.it_interval;
  return setitimer(ITIMER_PROF, &timer, nullptr) == 0;
}

// The handler stays for good: a tick may still be on its way when the timer has stopped.
void InstallHandler() {
  std::array<void*, 1> first{};
  backtrace(first.data(), 1);  // loads what later calls need; not to be done in a signal handler
  struct sigaction action {};
  action.sa_handler = OnTick;
  action.sa_flags = SA_RESTART;
  sigaction(SIGPROF, &action, nullptr);
}

std::expected<void, std::string> Collect(Samples& samples, std::chrono::milliseconds duration, int frequency) {
  InstallHandler();
  collecting = &samples;
  const bool set = SetTimer(std::chrono::microseconds(1'000'000 / frequency));
  const int error = errno;
  if (set) std::this_thread::sleep_for(duration);
  SetTimer(std::chrono::microseconds(0));
  collecting = nullptr;
  while (handlers_running.load() > 0) std::this_thread::yield();
  if (!set) return std::unexpected(std::string("can not set the profiling timer: ") + std::strerror(error));
  return {};
}

// Builds the message; every text, place and function is in it once.
class ProfileBuilder {
 public:
  ProfileBuilder() {
    Text("");
    ReadMappings();
  }

  void AddStack(const Stack& stack, std::int64_t period_nanos) {
    std::vector<std::uint64_t> locations;
    for (int i = kOwnFrames; i < stack.count; ++i) {
      auto address = reinterpret_cast<Address>(stack.frames[static_cast<std::size_t>(i)]);
      if (i > static_cast<int>(kOwnFrames)) --address;  // a caller's frame names what comes after the call
      locations.push_back(LocationOf(address));
    }
    if (locations.empty()) return;
    auto [found, is_new] = samples_.try_emplace(locations, profile_.sample_size());
    if (is_new) {
      auto& sample = *profile_.add_sample();
      sample.mutable_location_id()->Add(locations.begin(), locations.end());
      sample.add_value(0);
      sample.add_value(0);
    }
    auto& value = *profile_.mutable_sample(found->second)->mutable_value();
    value[0] += 1;
    value[1] += period_nanos;
  }

  std::string Finish(std::chrono::nanoseconds duration, std::int64_t period_nanos) {
    SetType(*profile_.add_sample_type(), "samples", "count");
    SetType(*profile_.add_sample_type(), "cpu", "nanoseconds");
    SetType(*profile_.mutable_period_type(), "cpu", "nanoseconds");
    profile_.set_period(period_nanos);
    profile_.set_duration_nanos(duration.count());
    const auto now = std::chrono::system_clock::now().time_since_epoch() - duration;
    profile_.set_time_nanos(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
    return profile_.SerializeAsString();
  }

 private:
  std::int64_t Text(const std::string& text) {
    const auto [found, is_new] = texts_.try_emplace(text, profile_.string_table_size());
    if (is_new) profile_.add_string_table(text);
    return found->second;
  }

  void SetType(perftools::profiles::ValueType& type, const char* name, const char* unit) {
    type.set_type(Text(name));
    type.set_unit(Text(unit));
  }

  // The executable parts of /proc/self/maps: "start-limit r-xp offset device inode path".
  void ReadMappings() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      std::istringstream fields(line);
      std::string rights;
      std::string device;
      std::string inode;
      std::string path;
      Address start = 0;
      Address limit = 0;
      std::uint64_t offset = 0;
      char dash = 0;
      fields >> std::hex >> start >> dash >> limit >> rights >> offset >> device >> inode >> path;
      if (!fields || rights.find('x') == std::string::npos) continue;
      auto& mapping = *profile_.add_mapping();
      mapping.set_id(static_cast<std::uint64_t>(profile_.mapping_size()));
      mapping.set_memory_start(start);
      mapping.set_memory_limit(limit);
      mapping.set_file_offset(offset);
      mapping.set_filename(Text(path));
    }
  }

  std::uint64_t LocationOf(Address address) {
    const auto [found, is_new] = locations_.try_emplace(address, profile_.location_size() + 1);
    if (!is_new) return found->second;
    auto& location = *profile_.add_location();
    location.set_id(found->second);
    location.set_address(address);
    const auto& mappings = profile_.mapping();
    const auto mapping = std::ranges::find_if(
        mappings, [&](const auto& one) { return one.memory_start() <= address && address < one.memory_limit(); });
    if (mapping != mappings.end()) location.set_mapping_id(mapping->id());
    if (const std::uint64_t function = FunctionOf(address); function != 0)
      location.add_line()->set_function_id(function);
    return found->second;
  }

  // 0: nobody knows its name.
  std::uint64_t FunctionOf(Address address) {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(address), &info) == 0 || info.dli_sname == nullptr) return 0;
    const auto [found, is_new] = functions_.try_emplace(info.dli_sname, profile_.function_size() + 1);
    if (is_new) {
      auto& function = *profile_.add_function();
      function.set_id(found->second);
      function.set_system_name(Text(info.dli_sname));
      const std::unique_ptr<char, decltype(&std::free)> plain(
          abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, nullptr), &std::free);
      function.set_name(Text(plain ? plain.get() : info.dli_sname));
    }
    return found->second;
  }

  perftools::profiles::Profile profile_;
  std::map<std::string, std::int64_t> texts_;
  std::map<Address, std::uint64_t> locations_;
  std::map<std::string, std::uint64_t> functions_;
  std::map<std::vector<std::uint64_t>, int> samples_;
};

}  // namespace

std::expected<std::string, std::string> CpuProfile(std::chrono::milliseconds duration, int frequency) {
  static std::mutex one_at_a_time;
  const std::unique_lock lock(one_at_a_time, std::try_to_lock);
  if (!lock.owns_lock()) return std::unexpected("another profile is being taken: try again when it has ended");
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t ticks = static_cast<std::size_t>(duration.count()) * static_cast<std::size_t>(frequency) / 1000 + 1;
  Samples samples(std::min(ticks * cores, kSamplesMax));
  if (auto done = Collect(samples, duration, frequency); !done) return std::unexpected(done.error());
  const std::int64_t period_nanos = 1'000'000'000 / frequency;
  ProfileBuilder builder;
  const std::size_t count = std::min(samples.next.load(), samples.stacks.size());
  for (std::size_t i = 0; i < count; ++i) builder.AddStack(samples.stacks[i], period_nanos);
  return builder.Finish(duration, period_nanos);
}

}  // namespace metasrv::server
