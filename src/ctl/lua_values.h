#pragma once

#include <cstdint>
#include <lua.hpp>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "meta.pb.h"

namespace metasrv::ctl {

// Values of the scripting interface (metactl.md §5.2, §5.3). Each Push leaves one value on the stack.

void PushString(lua_State* state, std::string_view bytes);
void PushNull(lua_State* state);                           // metactl.NULL
void PushUnsigned(lua_State* state, std::uint64_t value);  // a float where Lua's integers end
void PushRecord(lua_State* state, const std::optional<meta::SeqV>& record);
void PushUpsertReply(lua_State* state, const meta::TxnPutResponse& reply);
// False when the reply holds something that scripts can not have asked for; nothing is pushed then.
[[nodiscard]] bool PushTransactionReply(lua_State* state, const meta::TxnReply& reply);
void PushJson(lua_State* state, const nlohmann::ordered_json& json);

// The failure of a client method, nil and the text; returns how many values that are.
int PushFailure(lua_State* state, const std::string& error);

// A text argument; raises when it is no string or not UTF-8.
[[nodiscard]] std::string CheckText(lua_State* state, int argument);

// metactl.to_string (§5.6) of the first argument.
int ToOneLine(lua_State* state);

// "integer" and "number" apart, everything else as Lua calls it.
[[nodiscard]] const char* TypeName(lua_State* state, int index);

}  // namespace metasrv::ctl
