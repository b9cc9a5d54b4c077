#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <sstream>

#include "server/config.h"

namespace metasrv::server {
namespace {

using Result = std::expected<void, std::string>;

std::string TypeError(std::string_view key, const char* expected, const toml::node& node) {
  std::ostringstream text;
  text << "invalid type for key `" << key << "`: expected " << expected << ", found " << node.type() << " at line "
       << node.source().begin.line;
  return text.str();
}

// Stores one TOML value in the field of `key`, whose type decides what is accepted.
struct NodeAssigner {
  const char* key;
  const toml::node& node;

  Result Text(auto* field) const {
    const auto* value = node.as_string();
    if (value == nullptr) return std::unexpected(TypeError(key, "a string", node));
    *field = value->get();
    return {};
  }
  template <class Number>
  Result Integer(auto* field) const {
    const auto* value = node.as_integer();
    if (value == nullptr) return std::unexpected(TypeError(key, "an integer", node));
    if (value->get() < 0 || static_cast<std::uint64_t>(value->get()) > std::numeric_limits<Number>::max()) {
      return std::unexpected("invalid value for key `" + std::string(key) + "`: " + std::to_string(value->get()) +
                             " is out of range");
    }
    *field = static_cast<Number>(value->get());
    return {};
  }
  Result Boolean(auto* field) const {
    const auto* value = node.as_boolean();
    if (value == nullptr) return std::unexpected(TypeError(key, "a boolean", node));
    *field = value->get();
    return {};
  }

  Result operator()(std::string* field) const { return Text(field); }
  Result operator()(std::optional<std::string>* field) const { return Text(field); }
  Result operator()(std::uint64_t* field) const { return Integer<std::uint64_t>(field); }
  Result operator()(std::uint16_t* field) const { return Integer<std::uint16_t>(field); }
  Result operator()(std::optional<std::uint64_t>* field) const { return Integer<std::uint64_t>(field); }
  Result operator()(bool* field) const { return Boolean(field); }
  Result operator()(std::optional<bool>* field) const { return Boolean(field); }
  Result operator()(std::vector<std::string>* field) const {
    const auto* list = node.as_array();
    if (list == nullptr) return std::unexpected(TypeError(key, "an array of strings", node));
    std::vector<std::string> values;
    for (const toml::node& item : *list) {
      const auto* value = item.as_string();
      if (value == nullptr) return std::unexpected(TypeError(key, "an array of strings", item));
      values.push_back(value->get());
    }
    *field = std::move(values);
    return {};
  }
};

constexpr std::array<std::string_view, 7> kTables{"log",         "log.file", "log.stderr", "log.storage",
                                                  "raft_config", "watch",    "grpc_limits"};

// Sub-tables are demanded to be tables even when no key of them is read.
Result CheckTables(const toml::table& root) {
  for (const std::string_view path : kTables) {
    const auto node = root.at_path(path);
    if (node && !node.is_table()) return std::unexpected(TypeError(path, "a table", *node.node()));
  }
  return {};
}

void CollectUnknown(const toml::table& table, const std::string& prefix, const std::set<std::string>& known,
                    std::vector<std::string>& warnings) {
  for (const auto& [key, node] : table) {
    const std::string path = prefix + std::string(key.str());
    // Only a quoted key holds a dot; it is none of ours, whatever it looks like.
    const bool quoted = key.str().find('.') != std::string_view::npos;
    if (!quoted && std::ranges::find(kTables, path) != kTables.end()) {
      CollectUnknown(*node.as_table(), path + ".", known, warnings);
    } else if (quoted || !known.contains(path)) {
      warnings.push_back("configuration key `" + path + "` is not used and was ignored");
    }
  }
}

Result ApplyTable(const toml::table& root, Config& config) {
  if (auto done = CheckTables(root); !done) return done;
  std::set<std::string> known{"config_file", "log.storage.params"};
  for (const Setting& setting : SettingsOf(config)) {
    if (setting.key[0] == '.') continue;
    known.insert(setting.key);
    const auto node = root.at_path(setting.key);
    if (!node) continue;
    if (auto done = std::visit(NodeAssigner{setting.key, *node.node()}, setting.field); !done) return done;
    if (setting.key == std::string_view("raft_config.id")) config.id_was_given = true;
  }
  CollectUnknown(root, "", known, config.warnings);
  return {};
}

}  // namespace

std::expected<void, std::string> ApplyToml(std::string_view text, Config& config) {
  try {
    return ApplyTable(toml::parse(text), config);
  } catch (const toml::parse_error& error) {
    std::ostringstream message;
    message << "TOML parse error at line " << error.source().begin.line << ", column " << error.source().begin.column
            << ": " << error.description();
    return std::unexpected(message.str());
  }
}

}  // namespace metasrv::server
