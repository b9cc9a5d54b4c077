#include "tests/sm/example.h"

#include <fstream>

#include "common/check.h"

namespace metasrv::testing {
namespace {

void SetField(Example& example, const std::string& field, const std::string& text) {
  if (field == "before") example.before = text;
  if (field == "read") example.read = text;
  if (field == "result") example.result = text;
  if (field == "first" || field == "entry") example.entries.push_back(text);
  if (field == "reply") example.reply = text;
  if (field == "after") example.after = text == "(unchanged)" ? example.before : text;
  if (field == "events") example.events = text;
}

}  // namespace

int Example::Id() const { return std::stoi(title.substr(1)); }

std::vector<Example> LoadTable(const std::string& name) {
  std::ifstream file(std::string(METASRV_SOURCE_DIR) + "/tests/sm/tables/" + name);
  CHECK(file.is_open());
  std::vector<Example> examples;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line.starts_with("#")) continue;
    if (line.starts_with("[")) {
      examples.emplace_back().title = line;
      continue;
    }
    const std::size_t colon = line.find(':');
    SetField(examples.back(), line.substr(0, colon), line.substr(line.find_first_not_of(' ', colon + 1)));
  }
  return examples;
}

}  // namespace metasrv::testing
