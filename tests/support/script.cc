#include "tests/support/script.h"

#include <fstream>
#include <sstream>

namespace metasrv::test {
namespace {

std::vector<std::string> Words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

}  // namespace

std::vector<std::string> RunScript(const std::string& path, bool rewrite,
                                   const std::function<std::string(const ScriptCase&)>& run) {
  std::ifstream in(path);
  if (!in) return {"cannot read " + path};
  std::vector<std::string> differences;
  std::string rewritten;
  std::string line;
  while (std::getline(in, line)) {
    if (line.empty() || line.starts_with("#")) {
      rewritten += line + "\n";
      continue;
    }
    ScriptCase item{.command = line, .words = Words(line), .expected = {}};
    std::getline(in, line);
    if (line != "----") return {path + ": expected ---- after: " + item.command};
    while (std::getline(in, line) && !line.empty()) item.expected += line + "\n";
    const std::string actual = run(item);
    rewritten += item.command + "\n----\n" + actual + "\n";
    if (actual != item.expected) {
      differences.push_back(item.command + "\n--- expected\n" + item.expected + "--- actual\n" + actual);
    }
  }
  if (rewrite) {
    in.close();
    while (rewritten.ends_with("\n\n")) rewritten.pop_back();
    std::ofstream(path) << rewritten;
    differences.clear();
  }
  return differences;
}

}  // namespace metasrv::test
