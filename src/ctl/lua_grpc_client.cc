#include <memory>
#include <utility>

#include "ctl/async_meta_client.h"
#include "ctl/lua_clients.h"
#include "ctl/lua_objects.h"
#include "ctl/lua_scheduler.h"
#include "ctl/lua_transaction.h"
#include "ctl/lua_values.h"
#include "ctl/meta_client.h"

namespace metasrv::ctl {
namespace {

constexpr const char* kType = "metactl.grpc_client";
constexpr Duration kTimeout = Duration::Seconds(2);

using Client = std::unique_ptr<AsyncMetaClient>;

AsyncMetaClient& Self(lua_State* state) { return *CheckObject<Client>(state, 1, kType); }

int PushConversionError(lua_State* state, const std::string& why) {
  return PushFailure(state, "Lua conversion error: " + why);
}

int PushGetResult(lua_State* state, const std::expected<std::optional<meta::SeqV>, std::string>& record) {
  if (!record) return PushFailure(state, record.error());
  PushRecord(state, *record);
  return 1;
}

int PushUpsertResult(lua_State* state, const std::expected<meta::TxnReply, std::string>& reply) {
  if (!reply) return PushFailure(state, reply.error());
  const auto put = UpsertReply(*reply);
  if (!put) return PushConversionError(state, put.error());
  PushUpsertReply(state, *put);
  return 1;
}

int PushTransactionResult(lua_State* state, const std::expected<meta::TxnReply, std::string>& reply) {
  if (!reply) return PushFailure(state, reply.error());
  if (!PushTransactionReply(state, *reply))
    return PushConversionError(state, "unexpected " + reply->ShortDebugString());
  return 1;
}

// Ends a wait with `push`ing the result on the scheduler's thread.
template <class T>
AsyncMetaClient::Callback<T> Completing(LuaScheduler::Complete complete,
                                        int (*push)(lua_State*, const std::expected<T, std::string>&)) {
  return [complete = std::move(complete), push](std::expected<T, std::string> result) {
    complete([push, result = std::move(result)](lua_State* state) { return push(state, result); });
  };
}

int Get(lua_State* state) {
  AsyncMetaClient& client = Self(state);
  const std::string key = CheckText(state, 2);
  return LuaScheduler::Of(state).Await(
      state, [&](auto complete) { client.Get(key, Completing(std::move(complete), &PushGetResult)); });
}

int Upsert(lua_State* state) {
  AsyncMetaClient& client = Self(state);
  const std::string key = CheckText(state, 2);
  std::size_t size = 0;
  const char* value = luaL_checklstring(state, 3, &size);
  auto request = UpsertRequest(key, {value, size});
  return LuaScheduler::Of(state).Await(state, [&](auto complete) {
    client.Transact(std::move(request), Completing(std::move(complete), &PushUpsertResult));
  });
}

int Transaction(lua_State* state) {
  AsyncMetaClient& client = Self(state);
  luaL_checktype(state, 2, LUA_TTABLE);
  auto request = ReadTransaction(state, 2);
  if (!request) return PushFailure(state, "Invalid transaction: " + request.error());
  return LuaScheduler::Of(state).Await(state, [&](auto complete) {
    client.Transact(std::move(*request), Completing(std::move(complete), &PushTransactionResult));
  });
}

}  // namespace

void DefineGrpcClient(lua_State* state) {
  DefineType<Client>(state, kType, {{"get", &Get}, {"upsert", &Upsert}, {"transaction", &Transaction}});
}

int NewGrpcClient(lua_State* state) {
  PushObject(state, kType, std::make_unique<AsyncMetaClient>(CheckText(state, 1), kTimeout));
  return 1;
}

}  // namespace metasrv::ctl
