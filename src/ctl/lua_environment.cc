#include "ctl/lua_environment.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "ctl/lua_clients.h"
#include "ctl/lua_objects.h"
#include "ctl/lua_prelude.h"
#include "ctl/lua_transaction.h"
#include "ctl/lua_values.h"

namespace metasrv::ctl {
namespace {

void OpenLibraries(lua_State* state) {
  static constexpr luaL_Reg kLibraries[] = {
      {LUA_GNAME, luaopen_base},        {LUA_LOADLIBNAME, luaopen_package}, {LUA_COLIBNAME, luaopen_coroutine},
      {LUA_TABLIBNAME, luaopen_table},  {LUA_IOLIBNAME, luaopen_io},        {LUA_OSLIBNAME, luaopen_os},
      {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},    {LUA_UTF8LIBNAME, luaopen_utf8},
  };
  for (const auto& library : kLibraries) {
    luaL_requiref(state, library.name, library.func, 1);
    lua_pop(state, 1);
  }
}

// Leaves `require` what is written in Lua: the preloaded modules and those found by package.path.
void ForbidModulesInC(lua_State* state) {
  lua_getglobal(state, LUA_LOADLIBNAME);
  for (const char* name : {"loadlib", "cpath"}) {
    lua_pushnil(state);
    lua_setfield(state, -2, name);
  }
  lua_getfield(state, -1, "searchers");
  for (const int searcher : {4, 3}) {
    lua_pushnil(state);
    lua_rawseti(state, -2, searcher);
  }
  lua_pop(state, 2);
}

int Spawn(lua_State* state) {
  luaL_checktype(state, 1, LUA_TFUNCTION);
  lua_settop(state, 1);
  return LuaScheduler::Of(state).Spawn(state);
}

int Sleep(lua_State* state) {
  constexpr double kYears = 1e9;  // seconds; nobody sees the end of that
  const auto seconds = CheckSeconds(luaL_checknumber(state, 1), "sleep");
  if (!seconds) return luaL_error(state, "%s", seconds.error().c_str());
  const auto micros = static_cast<std::int64_t>(std::min(*seconds, kYears) * 1e6);
  return LuaScheduler::Of(state).Sleep(state, Duration::Micros(micros));
}

int NowMillis(lua_State* state) {
  lua_pushnumber(state, static_cast<lua_Number>(LuaScheduler::Of(state).Elapsed().micros()) / 1000);
  return 1;
}

void DefineMetactl(lua_State* state) {
  DefineGrpcClient(state);
  DefineAdminClient(state);
  lua_newtable(state);
  SetFunctions(state, {{"new_grpc_client", &NewGrpcClient},
                       {"new_admin_client", &NewAdminClient},
                       {"spawn", &Spawn},
                       {"sleep", &Sleep},
                       {"now_ms", &NowMillis},
                       {"to_string", &ToOneLine}});
  PushNull(state);
  lua_setfield(state, -2, "NULL");
  lua_pushvalue(state, -1);
  lua_setglobal(state, "metactl");
  CHECK_EQ(luaL_loadbufferx(state, kLuaPrelude, sizeof(kLuaPrelude) - 1, "=metactl", "t"), LUA_OK);
  lua_insert(state, -2);
  lua_call(state, 1, 0);
}

std::unexpected<std::string> ExecutionError(const std::string& why) {
  return std::unexpected("Lua execution error: " + why);
}

}  // namespace

LuaEnvironment::LuaEnvironment(std::ostream& errors) : state_(luaL_newstate()) {
  CHECK(state_ != nullptr);
  OpenLibraries(state_);
  ForbidModulesInC(state_);
  scheduler_ = std::make_unique<LuaScheduler>(state_, errors);
  DefineMetactl(state_);
}

LuaEnvironment::~LuaEnvironment() { lua_close(state_); }  // before the scheduler: finalizers may still ask for it

std::expected<void, std::string> LuaEnvironment::Run(const std::string& code, const std::string& origin) {
  const std::string text = code.starts_with('#') ? "--" + code : code;  // "#!/usr/bin/env ..."
  if (luaL_loadbufferx(state_, text.data(), text.size(), origin.c_str(), "t") != LUA_OK) {
    const std::string why = lua_tostring(state_, -1);
    lua_pop(state_, 1);
    return ExecutionError(why);
  }
  if (auto done = scheduler_->RunMain(); !done) return ExecutionError(done.error());
  return {};
}

}  // namespace metasrv::ctl
