#pragma once

#include <lua.hpp>

namespace metasrv::ctl {

// The client objects of scripts (metactl.md §5.3, §5.4). Define... makes the type known, New... is the constructor that
// takes an address. No call blocks the other tasks.

void DefineGrpcClient(lua_State* state);
int NewGrpcClient(lua_State* state);

void DefineAdminClient(lua_State* state);
int NewAdminClient(lua_State* state);

}  // namespace metasrv::ctl
