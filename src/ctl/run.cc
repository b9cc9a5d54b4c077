#include "ctl/run.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "ctl/commands.h"

namespace metasrv::ctl {
namespace {

CommandResult Dispatch(const Command& command, const OpenDirectory& open_directory, const Terminal& terminal) {
  return std::visit(
      [&](const auto& one) -> CommandResult {
        using T = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<T, ExportCommand>) {
          return one.raft_dir ? ExportFromDirectory(one, open_directory, terminal) : ExportFromServer(one, terminal);
        } else if constexpr (std::is_same_v<T, ImportCommand>) {
          return ImportIntoDirectory(one, open_directory, terminal);
        } else if constexpr (std::is_same_v<T, DumpLogCommand>) {
          return DumpLog(one, open_directory, terminal);
        } else if constexpr (std::is_same_v<T, RestoreCommand>) {
          return RestoreCluster(one, open_directory, terminal);
        } else {
          return Execute(one, terminal);
        }
      },
      command);
}

}  // namespace

int Run(std::vector<std::string> arguments, const std::optional<std::string>& address_from_environment,
        const OpenDirectory& open_directory, const Terminal& terminal) {
  const auto command = ParseCommandLine(std::move(arguments), address_from_environment);
  if (!command) {
    (command.error().exit_code == 0 ? terminal.out : terminal.err) << command.error().text << std::flush;
    return command.error().exit_code;
  }
  const auto result = Dispatch(*command, open_directory, terminal);
  terminal.out.flush();
  if (!result) {
    terminal.err << "Error: " << result.error() << std::endl;
    return 1;
  }
  if (!terminal.out) {
    terminal.err << "Error: can not write to standard output" << std::endl;
    return 1;
  }
  return 0;
}

}  // namespace metasrv::ctl
