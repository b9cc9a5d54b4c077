#pragma once

#include <functional>
#include <string>
#include <vector>

namespace metasrv::test {

// One step of a script: a command line with its words, and the output it must give.
struct ScriptCase {
  std::string command;
  std::vector<std::string> words;
  std::string expected;
};

// Runs a script file: comment lines start with '#'; a case is a command line, a line "----", and the expected output up
// to a blank line. `run` gives the real output of one case. With `rewrite` the file is written anew with the real
// outputs, to be reviewed as a difference; otherwise the first differences are returned, none when all agree.
[[nodiscard]] std::vector<std::string> RunScript(const std::string& path, bool rewrite,
                                                 const std::function<std::string(const ScriptCase&)>& run);

}  // namespace metasrv::test
