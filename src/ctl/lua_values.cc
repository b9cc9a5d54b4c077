#include "ctl/lua_values.h"

#include <nlohmann/json.hpp>

#include "common/utf8.h"

namespace metasrv::ctl {
namespace {

using Json = nlohmann::ordered_json;

void SetUnsigned(lua_State* state, const char* name, std::uint64_t value) {
  PushUnsigned(state, value);
  lua_setfield(state, -2, name);
}

void SetString(lua_State* state, const char* name, std::string_view bytes) {
  PushString(state, bytes);
  lua_setfield(state, -2, name);
}

// `present`: as protobuf tells it of an optional field.
void SetRecord(lua_State* state, const char* name, bool present, const meta::SeqV& record) {
  PushRecord(state, present ? std::optional(record) : std::nullopt);
  lua_setfield(state, -2, name);
}

void PushBytes(lua_State* state, std::string_view bytes) {
  lua_createtable(state, static_cast<int>(bytes.size()), 0);
  lua_Integer index = 0;
  for (const unsigned char byte : bytes) {
    lua_pushinteger(state, byte);
    lua_rawseti(state, -2, ++index);
  }
}

// {<kind> = {..}} of one answer; false and nothing pushed when scripts have no such operation.
bool PushResponse(lua_State* state, const meta::TxnOpResponse& response) {
  if (!response.has_get() && !response.has_put() && !response.has_delete_()) return false;
  lua_newtable(state);
  lua_newtable(state);
  if (response.has_get()) {
    const auto& get = response.get();
    SetString(state, "key", get.key());
    SetRecord(state, "value", get.has_value(), get.value());
    lua_setfield(state, -2, "Get");
  } else if (response.has_put()) {
    const auto& put = response.put();
    SetString(state, "key", put.key());
    SetRecord(state, "prev_value", put.has_prev_value(), put.prev_value());
    SetRecord(state, "current", put.has_current(), put.current());
    lua_setfield(state, -2, "Put");
  } else {
    const auto& deleted = response.delete_();
    SetString(state, "key", deleted.key());
    lua_pushboolean(state, static_cast<int>(deleted.success()));
    lua_setfield(state, -2, "success");
    SetRecord(state, "prev_value", deleted.has_prev_value(), deleted.prev_value());
    lua_setfield(state, -2, "Delete");
  }
  return true;
}

void PushArray(lua_State* state, const Json& array) {
  lua_createtable(state, static_cast<int>(array.size()), 0);
  lua_Integer index = 0;
  for (const auto& item : array) {
    PushJson(state, item);
    lua_rawseti(state, -2, ++index);
  }
}

void PushMembers(lua_State* state, const Json& object) {
  lua_createtable(state, 0, static_cast<int>(object.size()));
  for (const auto& [name, value] : object.items()) {
    PushString(state, name);
    PushJson(state, value);
    lua_rawset(state, -3);
  }
}

}  // namespace

void PushString(lua_State* state, std::string_view bytes) { lua_pushlstring(state, bytes.data(), bytes.size()); }

void PushNull(lua_State* state) { lua_pushlightuserdata(state, nullptr); }

void PushUnsigned(lua_State* state, std::uint64_t value) {
  if (value <= static_cast<std::uint64_t>(LUA_MAXINTEGER)) {
    lua_pushinteger(state, static_cast<lua_Integer>(value));
  } else {
    lua_pushnumber(state, static_cast<lua_Number>(value));
  }
}

void PushRecord(lua_State* state, const std::optional<meta::SeqV>& record) {
  if (!record) return PushNull(state);
  lua_createtable(state, 0, 3);
  SetUnsigned(state, "seq", record->seq());
  if (record->has_meta()) {
    lua_newtable(state);
    if (record->meta().has_expire_at()) SetUnsigned(state, "expire_at", record->meta().expire_at());
    if (record->meta().has_proposed_at_ms()) SetUnsigned(state, "proposed_at_ms", record->meta().proposed_at_ms());
  } else {
    PushNull(state);
  }
  lua_setfield(state, -2, "meta");
  PushBytes(state, record->data());
  lua_setfield(state, -2, "data");
}

void PushUpsertReply(lua_State* state, const meta::TxnPutResponse& reply) {
  lua_newtable(state);
  PushNull(state);
  lua_setfield(state, -2, "ident");
  SetRecord(state, "prev", reply.has_prev_value(), reply.prev_value());
  SetRecord(state, "result", reply.has_current(), reply.current());
}

bool PushTransactionReply(lua_State* state, const meta::TxnReply& reply) {
  lua_newtable(state);
  lua_pushboolean(state, static_cast<int>(reply.success()));
  lua_setfield(state, -2, "success");
  SetString(state, "execution_path", reply.execution_path());
  lua_createtable(state, reply.responses_size(), 0);
  lua_Integer index = 0;
  for (const auto& response : reply.responses()) {
    lua_newtable(state);
    if (!PushResponse(state, response)) return lua_pop(state, 3), false;
    lua_setfield(state, -2, "response");
    lua_rawseti(state, -2, ++index);
  }
  lua_setfield(state, -2, "responses");
  return true;
}

void PushJson(lua_State* state, const Json& json) {
  luaL_checkstack(state, 4, "answer nested too deep");
  switch (json.type()) {
    case Json::value_t::object: return PushMembers(state, json);
    case Json::value_t::array: return PushArray(state, json);
    case Json::value_t::string: return PushString(state, json.get_ref<const std::string&>());
    case Json::value_t::boolean: return lua_pushboolean(state, static_cast<int>(json.get<bool>()));
    case Json::value_t::number_unsigned: return PushUnsigned(state, json.get<std::uint64_t>());
    case Json::value_t::number_integer: return lua_pushinteger(state, json.get<std::int64_t>());
    case Json::value_t::number_float: return lua_pushnumber(state, json.get<double>());
    default: return PushNull(state);
  }
}

int PushFailure(lua_State* state, const std::string& error) {
  lua_pushnil(state);
  PushString(state, error);
  return 2;
}

std::string CheckText(lua_State* state, int argument) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(state, argument, &size);
  luaL_argcheck(state, IsUtf8({text, size}), argument, "must be UTF-8");
  return {text, size};
}

const char* TypeName(lua_State* state, int index) {
  return lua_isinteger(state, index) != 0 ? "integer" : luaL_typename(state, index);
}

}  // namespace metasrv::ctl
