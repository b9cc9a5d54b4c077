#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include "ctl/commands.h"
#include "ctl/lua_environment.h"

namespace metasrv::ctl {
namespace {

std::expected<std::string, std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string code{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) {
    return std::unexpected("Failed to read Lua script file '" + path + "': " + std::generic_category().message(errno));
  }
  return code;
}

}  // namespace

CommandResult Execute(const LuaCommand& command, const Terminal& terminal) {
  LuaEnvironment lua(terminal.err);
  if (command.sources.empty()) {
    return lua.Run(std::string(std::istreambuf_iterator<char>(terminal.in), {}), "=stdin");
  }
  int scripts = 0;
  for (const auto& source : command.sources) {
    CommandResult done;
    if (source.is_file) {
      const auto code = ReadFile(source.text);
      if (!code) return std::unexpected(code.error());
      done = lua.Run(*code, "@" + source.text);
    } else {
      done = lua.Run(source.text, "=script " + std::to_string(++scripts));
    }
    if (!done) return done;
  }
  return {};
}

}  // namespace metasrv::ctl
