#include "ctl/lua_transaction.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "common/utf8.h"
#include "ctl/lua_values.h"

namespace metasrv::ctl {
namespace {

constexpr double kTwoTo64 = 18'446'744'073'709'551'616.0;

// Reading stops at the first mistake, like any parser; the text travels as this.
struct Mistake {
  std::string text;
};

[[noreturn]] void Refuse(const std::string& path, const std::string& why) { throw Mistake{path + ": " + why}; }

// A table with named members. Values stay on the Lua stack while it lives.
class Fields {
 public:
  // The table is on top of the stack and stays there.
  Fields(lua_State* state, std::string path) : state_(state), table_(lua_gettop(state)), path_(std::move(path)) {
    for (lua_pushnil(state_); lua_next(state_, table_) != 0; lua_pop(state_, 1)) {
      if (lua_type(state_, -2) != LUA_TSTRING) Refuse(path_, "field names must be strings");
      const std::string name = Bytes(-2);
      if (!IsUtf8(name)) Refuse(path_, "field names must be UTF-8");
      names_.insert(name);
    }
  }

  void AllowOnly(const std::set<std::string>& allowed) const {
    for (const auto& name : names_) {
      if (!allowed.contains(name)) Refuse(path_, "unknown field `" + name + "`");
    }
  }

  [[nodiscard]] bool Has(const std::string& name) const { return names_.contains(name); }

  std::string TakeString(const std::string& name) {
    Require(name);
    if (lua_type(state_, -1) != LUA_TSTRING) WrongType(name, "a string");
    std::string value = Bytes(-1);
    lua_pop(state_, 1);
    return value;
  }

  std::string TakeText(const std::string& name) {
    std::string value = TakeString(name);
    if (!IsUtf8(value)) Refuse(path_, "field `" + name + "` must be UTF-8");
    return value;
  }

  std::uint64_t TakeSeq(const std::string& name) {
    Require(name);
    if (lua_isinteger(state_, -1) == 0 || lua_tointeger(state_, -1) < 0) WrongType(name, "a non-negative integer");
    const auto value = static_cast<std::uint64_t>(lua_tointeger(state_, -1));
    lua_pop(state_, 1);
    return value;
  }

  double TakeNumber(const std::string& name) {
    Require(name);
    if (lua_type(state_, -1) != LUA_TNUMBER) WrongType(name, "a number");
    const double value = lua_tonumber(state_, -1);
    lua_pop(state_, 1);
    return value;
  }

  // Puts the member on the stack.
  void Push(const std::string& name) {
    PushString(state_, name);
    lua_rawget(state_, table_);
  }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void Require(const std::string& name) {
    if (!Has(name)) Refuse(path_, "missing field `" + name + "`");
    Push(name);
  }

  [[noreturn]] void WrongType(const std::string& name, const std::string& wanted) {
    Refuse(path_, "field `" + name + "` must be " + wanted + ", got " + TypeName(state_, -1));
  }

  std::string Bytes(int index) {
    std::size_t size = 0;
    const char* bytes = lua_tolstring(state_, index, &size);
    return {bytes, size};
  }

  lua_State* state_;
  int table_;
  std::string path_;
  std::set<std::string> names_;
};

// Calls `each` with every element on top of the stack. The array is on top of the stack.
template <class Each>
void ForEachItem(lua_State* state, const std::string& path, const Each& each) {
  if (lua_type(state, -1) != LUA_TTABLE) Refuse(path, std::string("must be an array, got ") + TypeName(state, -1));
  lua_Integer count = 0;
  lua_Integer highest = 0;
  for (lua_pushnil(state); lua_next(state, -2) != 0; lua_pop(state, 1)) {
    if (lua_isinteger(state, -2) == 0 || lua_tointeger(state, -2) < 1) Refuse(path, "must be a dense array");
    highest = std::max(highest, lua_tointeger(state, -2));
    ++count;
  }
  if (highest != count) Refuse(path, "must be a dense array");
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(state, -1, i);
    if (lua_type(state, -1) != LUA_TTABLE) Refuse(path, "item " + std::to_string(i) + " must be a table");
    each(path + "[" + std::to_string(i) + "]");
    lua_pop(state, 1);
  }
}

void ReadCondition(Fields fields, meta::TxnCondition& condition) {
  const std::string op = fields.TakeString("op");
  if (op != "eq_seq" && op != "ge_seq" && op != "eq_value") Refuse(fields.path(), "unknown condition `" + op + "`");
  fields.AllowOnly({"key", "op", "value"});
  condition.set_key(fields.TakeText("key"));
  condition.set_expected(op == "ge_seq" ? meta::TxnCondition::GE : meta::TxnCondition::EQ);
  if (op == "eq_value") {
    condition.set_value(fields.TakeString("value"));
  } else {
    condition.set_seq(fields.TakeSeq("value"));
  }
}

std::uint64_t TakeTtlMillis(Fields& fields) {
  const std::string path = fields.path() + ".ttl";
  const auto seconds = CheckSeconds(fields.TakeNumber("ttl"), path);
  if (!seconds) throw Mistake{seconds.error()};
  const double whole = std::floor(*seconds);
  if (whole >= kTwoTo64 / 1000) Refuse(path, "duration exceeds the meta service limit");
  // By way of nanoseconds, so that 0.57 does not become 569 ms.
  const auto nanos = static_cast<std::uint64_t>(std::round((*seconds - whole) * 1e9));
  return static_cast<std::uint64_t>(whole) * 1000 + nanos / 1'000'000;
}

void ReadOperation(Fields fields, meta::TxnOp& operation) {
  const std::string op = fields.TakeString("op");
  if (op == "put") {
    fields.AllowOnly({"key", "op", "ttl", "value"});
    auto& put = *operation.mutable_put();
    put.set_key(fields.TakeText("key"));
    put.set_value(fields.TakeString("value"));
    put.set_prev_value(true);
    if (fields.Has("ttl")) put.set_ttl_ms(TakeTtlMillis(fields));
  } else if (op == "get") {
    fields.AllowOnly({"key", "op"});
    operation.mutable_get()->set_key(fields.TakeText("key"));
  } else if (op == "delete") {
    fields.AllowOnly({"key", "op"});
    operation.mutable_delete_()->set_key(fields.TakeText("key"));
    operation.mutable_delete_()->set_prev_value(true);
  } else {
    Refuse(fields.path(), "unknown operation `" + op + "`");
  }
}

void ReadAll(lua_State* state, meta::TxnRequest& request) {
  Fields fields(state, "transaction");
  fields.AllowOnly({"conditions", "else", "then"});
  if (fields.Has("conditions")) {
    fields.Push("conditions");
    ForEachItem(state, "transaction.conditions", [&](const std::string& path) {
      ReadCondition({state, path}, *request.add_condition());
    });
  }
  if (fields.Has("then")) {
    fields.Push("then");
    ForEachItem(state, "transaction[\"then\"]", [&](const std::string& path) {
      ReadOperation({state, path}, *request.add_if_then());
    });
  }
  if (fields.Has("else")) {
    fields.Push("else");
    ForEachItem(state, "transaction[\"else\"]", [&](const std::string& path) {
      ReadOperation({state, path}, *request.add_else_then());
    });
  }
}

}  // namespace

std::expected<meta::TxnRequest, std::string> ReadTransaction(lua_State* state, int index) {
  const int top = lua_gettop(state);
  luaL_checkstack(state, 16, "transaction");
  lua_pushvalue(state, index);
  meta::TxnRequest request;
  std::expected<meta::TxnRequest, std::string> result;
  try {
    ReadAll(state, request);
    result = std::move(request);
  } catch (const Mistake& mistake) {
    result = std::unexpected(mistake.text);
  }
  lua_settop(state, top);
  return result;
}

std::expected<double, std::string> CheckSeconds(double seconds, const std::string& what) {
  if (std::isfinite(seconds) && seconds >= 0 && seconds < kTwoTo64) return seconds;
  return std::unexpected(what + ": duration must be finite, non-negative, and representable");
}

}  // namespace metasrv::ctl
