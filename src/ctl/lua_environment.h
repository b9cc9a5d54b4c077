#pragma once

#include <expected>
#include <lua.hpp>
#include <memory>
#include <ostream>
#include <string>

#include "ctl/lua_scheduler.h"

namespace metasrv::ctl {

// One interpreter for all scripts of a run, with the table `metactl` (metactl.md §5): the standard libraries without
// `debug`, and no modules written in C, which would have to be made for the same interpreter.
class LuaEnvironment {
 public:
  // `errors` gets what must be said about failed tasks.
  explicit LuaEnvironment(std::ostream& errors);
  // Drops the tasks that are still alive.
  ~LuaEnvironment();
  LuaEnvironment(const LuaEnvironment&) = delete;
  LuaEnvironment& operator=(const LuaEnvironment&) = delete;

  // Runs one script until it has returned. `origin` is what messages call it: "@" and a path, or "=" and a name.
  // Errors: "Lua execution error: " and the message, with origin and line, and a traceback.
  [[nodiscard]] std::expected<void, std::string> Run(const std::string& code, const std::string& origin);

 private:
  lua_State* const state_;
  std::unique_ptr<LuaScheduler> scheduler_;
};

}  // namespace metasrv::ctl
