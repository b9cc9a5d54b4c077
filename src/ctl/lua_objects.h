#pragma once

#include <initializer_list>
#include <lua.hpp>
#include <new>
#include <string>
#include <utility>

namespace metasrv::ctl {

// C++ objects as Lua user data. A type is known to Lua by its name; the garbage collector destroys the object.

using LuaFunctions = std::initializer_list<std::pair<const char*, lua_CFunction>>;

inline void SetFunctions(lua_State* state, LuaFunctions functions) {
  for (const auto& [name, function] : functions) {
    lua_pushcfunction(state, function);
    lua_setfield(state, -2, name);
  }
}

template <class T>
void DefineType(lua_State* state, const char* name, LuaFunctions methods) {
  luaL_newmetatable(state, name);
  lua_newtable(state);
  SetFunctions(state, methods);
  lua_setfield(state, -2, "__index");
  lua_pushcfunction(state, [](lua_State* of) {
    static_cast<T*>(lua_touserdata(of, 1))->~T();
    return 0;
  });
  lua_setfield(state, -2, "__gc");
  lua_pushliteral(state, "protected");  // a script must not reach __gc
  lua_setfield(state, -2, "__metatable");
  lua_pop(state, 1);
}

template <class T>
void PushObject(lua_State* state, const char* name, T object) {
  new (lua_newuserdatauv(state, sizeof(T), 0)) T(std::move(object));
  luaL_setmetatable(state, name);
}

// Raises an argument error when it is something else.
template <class T>
T& CheckObject(lua_State* state, int argument, const char* name) {
  return *static_cast<T*>(luaL_checkudata(state, argument, name));
}

}  // namespace metasrv::ctl
