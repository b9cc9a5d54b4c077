// Any bytes as what an operator gives the server: the first byte says whether they are a TOML file, a command line or
// an environment, both with one word per line. Taken and shown, or refused with a text.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/check.h"
#include "server/config.h"
#include "server/log_filter.h"

namespace metasrv::server {
namespace {

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string word(text.substr(0, end));
    words.emplace_back(word.c_str());  // no word of the outside holds a zero byte
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return words;
}

// Everything that the start does with a configuration.
void CheckConfig(const Config& config) {
  CHECK(nlohmann::json::accept(ShowConfig(config)));
  CHECK(!BannerConfig(config).empty());
  for (const bool initialised : {false, true}) static_cast<void>(ValidateRaft(config, initialised));
  static_cast<void>(ValidateLogFormats(config));
  static_cast<void>(ValidateAddresses(config));
  static_cast<void>(JoinOthers(config));
  static_cast<void>(GrpcAdvertiseAddress(config));
  for (const std::string& level : {config.log_level, config.log_file.level, config.log_stderr.level}) {
    const LogFilter filter(level);
    CHECK(filter.LevelOf("databend_meta") <= LogLevel::kOff);
  }
}

void CheckApplied(const std::expected<void, std::string>& applied, const Config& config) {
  if (!applied) return CHECK(!applied.error().empty());
  CheckConfig(config);
}

void CheckToml(std::string_view text) {
  Config config = DefaultConfig();
  CheckApplied(ApplyToml(text, config), config);
}

void CheckEnvironment(std::string_view text) {
  const auto words = Words(text);
  const EnvironmentReader environment = [&](const char* name) -> std::optional<std::string> {
    for (const std::string& word : words) {
      const std::string start = std::string(name) + "=";
      if (word.starts_with(start)) return word.substr(start.size());
    }
    return std::nullopt;
  };
  Config config = DefaultConfig();
  CheckApplied(ApplyEnvironment(environment, config), config);
}

void CheckFlags(std::string_view text) {
  const auto words = Words(text);
  std::vector<const char*> argv{"databend-meta"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  const auto line = ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  if (!line) return CHECK(line.error().starts_with("error: "));
  if (!line->config_file.empty()) return;  // nothing is read from the disk here
  const auto config = LoadConfig(*line, [](const char*) { return std::nullopt; });
  if (!config) return CHECK(!config.error().empty());
  CheckConfig(*config);
}

}  // namespace
}  // namespace metasrv::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case '-': metasrv::server::CheckFlags(text); break;
    case '=': metasrv::server::CheckEnvironment(text); break;
    default: metasrv::server::CheckToml({reinterpret_cast<const char*>(data), size}); break;
  }
  return 0;
}
