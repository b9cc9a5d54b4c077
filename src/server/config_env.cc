#include "server/config.h"

namespace metasrv::server {
namespace {

std::string Trim(const std::string& text) {
  const char* blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// A list is separated by commas; blanks around items and empty items are dropped (config-and-cli.md §4.2).
std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    if (std::string item = Trim(text.substr(start, comma - start)); !item.empty()) items.push_back(std::move(item));
    start = comma + 1;
  }
  return items;
}

}  // namespace

std::expected<void, std::string> ApplyEnvironment(const EnvironmentReader& environment, Config& config) {
  for (const Setting& setting : SettingsOf(config)) {
    if (setting.environment == nullptr) continue;
    const auto text = environment(setting.environment);
    if (!text) continue;
    if (auto* const* list = std::get_if<std::vector<std::string>*>(&setting.field)) {
      **list = SplitList(*text);
      continue;
    }
    if (auto done = AssignText(setting.field, *text); !done) {
      return std::unexpected("environment variable " + std::string(setting.environment) + ": " + done.error());
    }
    if (setting.environment == std::string_view("KVSRV_ID")) config.id_was_given = true;
  }
  return {};
}

}  // namespace metasrv::server
