#pragma once

#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "ctl/command_line.h"
#include "ctl/offline.h"

namespace metasrv::ctl {

// What the tool may touch. Results go to `out`, everything said to people to `err` (metactl.md §0).
struct Terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool err_is_terminal = false;

  // Where to show progress; null when nobody watches.
  [[nodiscard]] std::ostream* watched() const { return err_is_terminal ? &err : nullptr; }
};

// The whole tool: reads the arguments after the program's name, does what they say and returns the exit code: 0, 1 for
// an error at run time, 2 for wrong usage (§1.2).
[[nodiscard]] int Run(std::vector<std::string> arguments, const std::optional<std::string>& address_from_environment,
                      const OpenDirectory& open_directory, const Terminal& terminal);

}  // namespace metasrv::ctl
