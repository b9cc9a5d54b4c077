#include <CLI/CLI.hpp>
#include <memory>

#include "server/config.h"

namespace metasrv::server {
namespace {

// Values are kept as text and converted by the same code as environment variables; here they are only checked, so that
// a bad one is a usage error.
void AddFlag(CLI::App& app, const Setting& setting, std::vector<FlagValue>& given) {
  const std::string name = setting.FlagName();
  const bool is_list = std::holds_alternative<std::vector<std::string>*>(setting.field);
  CLI::callback_t keep = [&given, name, field = setting.field](const CLI::results_t& values) {
    for (const std::string& value : values) {
      if (auto done = AssignText(field, value); !done) throw CLI::ConversionError(name + ": " + done.error());
    }
    given.push_back({name, values});
    return true;
  };
  if (setting.shape == FlagShape::kValue) {
    CLI::Option* option = app.add_option(name, keep, setting.help);
    option->type_name("<VALUE>");
    if (is_list) {
      option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args();
    } else {
      option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    }
    return;
  }
  CLI::Option* option = app.add_flag_callback(
      name, [] {}, setting.help);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  if (setting.shape == FlagShape::kSwitch) option->disable_flag_override();
}

}  // namespace

std::expected<CommandLine, std::string> ParseCommandLine(int argc, const char* const* argv) {
  CommandLine result;
  Config scratch;
  const auto settings = SettingsOf(scratch);
  CLI::App app("databend-meta: replicated metadata service", "databend-meta");
  app.set_help_flag("-h,--help", "Print help");
  app.add_flag("-V,--version", result.version, "Print version");
  app.add_option("-c,--config-file", result.config_file, "Configuration file (TOML)");
  for (const Setting& setting : settings) {
    if (setting.shape != FlagShape::kNone) AddFlag(app, setting, result.flags);
  }
  try {
    app.parse(argc, const_cast<char**>(argv));
    for (const Setting& setting : settings) {
      if (setting.shape != FlagShape::kSwitch && setting.shape != FlagShape::kOptionalValue) continue;
      const CLI::Option* option = app.get_option(setting.FlagName());
      if (option->count() == 0) continue;
      bool value = false;
      option->results(value);
      result.flags.push_back({setting.FlagName(), {value ? "true" : "false"}});
    }
  } catch (const CLI::CallForHelp&) {
    result.help = app.help();
  } catch (const CLI::ParseError& error) {
    return std::unexpected("error: " + std::string(error.what()) +
                           "\n\nUsage: databend-meta [OPTIONS]\n\nFor more information, try '--help'.");
  }
  return result;
}

}  // namespace metasrv::server
