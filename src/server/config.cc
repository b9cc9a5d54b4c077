#include "server/config.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <utility>

namespace metasrv::server {
namespace {

using Result = std::expected<void, std::string>;

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "UnknownHost";
  return name.data();
}

std::expected<std::uint64_t, std::string> ParseNumber(const std::string& text, std::uint64_t max) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || parsed != end || text.empty()) {
    return std::unexpected("invalid digit found in `" + text + "`");
  }
  if (value > max) return std::unexpected("number too large: `" + text + "`");
  return value;
}

std::expected<bool, std::string> ParseBool(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::unexpected("expected `true` or `false`, got `" + text + "`");
}

template <class Number>
Result AssignNumber(auto* field, const std::string& text) {
  auto number = ParseNumber(text, std::numeric_limits<Number>::max());
  if (!number) return std::unexpected(number.error());
  *field = static_cast<Number>(*number);
  return {};
}

Result AssignBool(auto* field, const std::string& text) {
  auto value = ParseBool(text);
  if (!value) return std::unexpected(value.error());
  *field = *value;
  return {};
}

struct TextAssigner {
  const std::string& text;
  Result operator()(std::string* field) const { return *field = text, Result{}; }
  Result operator()(std::optional<std::string>* field) const { return *field = text, Result{}; }
  Result operator()(std::vector<std::string>* field) const { return field->push_back(text), Result{}; }
  Result operator()(std::uint64_t* field) const { return AssignNumber<std::uint64_t>(field, text); }
  Result operator()(std::uint16_t* field) const { return AssignNumber<std::uint16_t>(field, text); }
  Result operator()(std::optional<std::uint64_t>* field) const { return AssignNumber<std::uint64_t>(field, text); }
  Result operator()(bool* field) const { return AssignBool(field, text); }
  Result operator()(std::optional<bool>* field) const { return AssignBool(field, text); }
};

std::expected<std::string, std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code reason(errno, std::generic_category());
  if (!file) {
    // The text of the reason is upstream's; the file's name is added.
    return std::unexpected(reason.message() + " (os error " + std::to_string(reason.value()) + "): " + path);
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// A list flag replaces whatever the earlier sources said.
void ClearList(const Field& field) {
  if (auto* const* list = std::get_if<std::vector<std::string>*>(&field)) (*list)->clear();
}

Result ApplyFlags(const std::vector<FlagValue>& flags, Config& config) {
  const auto settings = SettingsOf(config);
  for (const FlagValue& given : flags) {
    for (const Setting& setting : settings) {
      if (setting.shape == FlagShape::kNone || setting.FlagName() != given.flag) continue;
      ClearList(setting.field);
      for (const std::string& value : given.values) {
        if (auto done = AssignText(setting.field, value); !done) return done;
      }
      if (given.flag == "--id") config.id_was_given = true;
    }
  }
  return {};
}

// The old short keys win over [log.file] unless they say nothing new (config-and-cli.md §2.1).
void ApplyLogShorthands(Config& config) {
  if (config.log_level != kDefaultLogFilter) config.log_file.level = config.log_level;
  if (config.log_dir != kDefaultLogDir) config.log_file.dir = config.log_dir;
}

}  // namespace

Config DefaultConfig() {
  Config config;
  config.raft.raft_advertise_host = HostName();
  return config;
}

std::expected<void, std::string> AssignText(const Field& field, const std::string& text) {
  return std::visit(TextAssigner{text}, field);
}

std::optional<std::string> ReadProcessEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

std::expected<Config, std::string> LoadConfig(const CommandLine& command_line, const EnvironmentReader& environment) {
  Config config = DefaultConfig();
  std::string file = command_line.config_file;
  if (file.empty()) file = environment("METASRV_CONFIG_FILE").value_or("");
  if (!file.empty()) {
    auto text = ReadFile(file);
    if (!text) return std::unexpected(text.error());
    if (auto done = ApplyToml(*text, config); !done) return std::unexpected(file + ": " + done.error());
  }
  if (auto done = ApplyEnvironment(environment, config); !done) return std::unexpected(done.error());
  if (auto done = ApplyFlags(command_line.flags, config); !done) return std::unexpected(done.error());
  config.config_file = file;
  ApplyLogShorthands(config);
  return config;
}

std::optional<HostPort> SplitHostPort(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  HostPort result{std::string(address.substr(0, colon)), 0};
  if (!AssignText(Field(&result.port), std::string(address.substr(colon + 1)))) return std::nullopt;
  return result;
}

std::optional<std::string> GrpcAdvertiseAddress(const Config& config) {
  const auto listen = SplitHostPort(config.grpc_api_address);
  if (!config.grpc_api_advertise_host || !listen) return std::nullopt;
  return *config.grpc_api_advertise_host + ":" + std::to_string(listen->port);
}

}  // namespace metasrv::server
