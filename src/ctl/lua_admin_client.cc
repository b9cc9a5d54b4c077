#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>

#include "ctl/admin_client.h"
#include "ctl/lua_clients.h"
#include "ctl/lua_objects.h"
#include "ctl/lua_scheduler.h"
#include "ctl/lua_values.h"

namespace metasrv::ctl {
namespace {

constexpr const char* kType = "metactl.admin_client";

struct AdminClient {
  std::string address;
};

using Answer = std::expected<std::string, std::string>;

int PushText(lua_State* state, const std::string& body) {
  PushString(state, body);
  return 1;
}

int PushTrue(lua_State* state, const std::string& /*body*/) {
  lua_pushboolean(state, 1);
  return 1;
}

int PushDecoded(lua_State* state, const std::string& body) {
  const auto json = nlohmann::ordered_json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return PushFailure(state, "Admin API error: answer is not JSON: " + body);
  PushJson(state, json);
  return 1;
}

// GETs `path`, on a thread of its own: the HTTP library blocks, and an answer may take as long as it likes. A script
// that ends does not wait for it.
int Fetch(lua_State* state, const std::string& path, int (*push)(lua_State*, const std::string&)) {
  const std::string address = CheckObject<AdminClient>(state, 1, kType).address;
  return LuaScheduler::Of(state).Await(state, [&](LuaScheduler::Complete complete) {
    std::thread([address, path, push, complete = std::move(complete)] {
      complete([push, answer = AdminGet(address, path)](lua_State* to) {
        return answer ? push(to, *answer) : PushFailure(to, "Admin API error: " + answer.error());
      });
    }).detach();
  });
}

int Metrics(lua_State* state) { return Fetch(state, "/v1/metrics", &PushText); }
int Status(lua_State* state) { return Fetch(state, "/v1/cluster/status", &PushDecoded); }
int TriggerSnapshot(lua_State* state) { return Fetch(state, "/v1/ctrl/trigger_snapshot", &PushTrue); }
int ListFeatures(lua_State* state) { return Fetch(state, "/v1/features/list", &PushDecoded); }

int TransferLeader(lua_State* state) {
  std::string path = "/v1/ctrl/trigger_transfer_leader";
  if (!lua_isnoneornil(state, 2)) {
    const lua_Integer to = luaL_checkinteger(state, 2);
    luaL_argcheck(state, to >= 0, 2, "must be a node id");
    path += "?to=" + std::to_string(to);
  }
  return Fetch(state, path, &PushDecoded);
}

int SetFeature(lua_State* state) {
  const std::string feature = CheckText(state, 2);
  luaL_checktype(state, 3, LUA_TBOOLEAN);
  const char* enable = lua_toboolean(state, 3) != 0 ? "true" : "false";
  return Fetch(state, "/v1/features/set?feature=" + QueryEscape(feature) + "&enable=" + enable, &PushDecoded);
}

}  // namespace

void DefineAdminClient(lua_State* state) {
  DefineType<AdminClient>(state, kType,
                          {{"metrics", &Metrics},
                           {"status", &Status},
                           {"transfer_leader", &TransferLeader},
                           {"trigger_snapshot", &TriggerSnapshot},
                           {"list_features", &ListFeatures},
                           {"set_feature", &SetFeature}});
}

int NewAdminClient(lua_State* state) {
  PushObject(state, kType, AdminClient{CheckText(state, 1)});
  return 1;
}

}  // namespace metasrv::ctl
