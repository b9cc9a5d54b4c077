// metactl.to_string (metactl.md §5.6).
#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "ctl/lua_values.h"

namespace metasrv::ctl {
namespace {

constexpr lua_Integer kBytesMax = 1'048'576;
constexpr int kDepthMax = 100;

void AppendQuoted(std::string& out, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  static constexpr std::string_view kNamed = "\b\t\n\f\r\"\\";
  static constexpr std::string_view kNames = "btnfr\"\\";
  out += '"';
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (const auto named = kNamed.find(c); named != std::string_view::npos) {
      out += {'\\', kNames[named]};
    } else if (byte >= 32 && byte <= 126) {
      out += c;
    } else {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  out += '"';
}

// How many bytes the table at `index` stands for: a dense array of integers 0..255, not empty. -1: it is something
// else.
lua_Integer CountBytes(lua_State* state, int index) {
  lua_Integer count = 0;
  lua_Integer highest = 0;
  bool bytes = true;
  for (lua_pushnil(state); lua_next(state, index) != 0; lua_pop(state, 1)) {
    const lua_Integer at = lua_isinteger(state, -2) != 0 ? lua_tointeger(state, -2) : 0;
    const lua_Integer byte = lua_isinteger(state, -1) != 0 ? lua_tointeger(state, -1) : -1;
    bytes = bytes && at >= 1 && byte >= 0 && byte <= 255;
    highest = std::max(highest, at);
    ++count;
  }
  return bytes && count > 0 && highest == count ? count : -1;
}

std::string BytesAt(lua_State* state, int index, lua_Integer count) {
  std::string bytes;
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(state, index, i);
    bytes += static_cast<char>(lua_tointeger(state, -1));
    lua_pop(state, 1);
  }
  return bytes;
}

// A member of a table, in text. The key decides the order: numbers first, then strings, each ascending.
struct Member {
  std::variant<lua_Integer, lua_Number, std::string> key;
  std::string text;
};

bool InOrder(const Member& a, const Member& b) {
  const bool a_text = std::holds_alternative<std::string>(a.key);
  const bool b_text = std::holds_alternative<std::string>(b.key);
  if (a_text != b_text) return b_text;
  if (a_text || a.key.index() == b.key.index()) return a.key < b.key;
  const auto number = [](const Member& member) {
    const auto* integer = std::get_if<lua_Integer>(&member.key);
    return integer != nullptr ? static_cast<lua_Number>(*integer) : std::get<lua_Number>(member.key);
  };
  return number(a) < number(b);
}

class Writer {
 public:
  explicit Writer(lua_State* state) : state_(state) {}

  void Append(std::string& out, int index) {
    index = lua_absindex(state_, index);
    switch (lua_type(state_, index)) {
      case LUA_TNIL: out += "nil"; break;
      case LUA_TBOOLEAN: out += lua_toboolean(state_, index) != 0 ? "true" : "false"; break;
      case LUA_TNUMBER: AppendNumber(out, index); break;
      case LUA_TSTRING: AppendQuoted(out, StringAt(index)); break;
      case LUA_TTABLE: AppendTable(out, index); break;
      case LUA_TLIGHTUSERDATA: out += lua_touserdata(state_, index) == nullptr ? "NULL" : "<userdata>"; break;
      case LUA_TFUNCTION: out += "<function>"; break;
      case LUA_TTHREAD: out += "<thread>"; break;
      default: out += "<userdata>"; break;
    }
  }

 private:
  std::string_view StringAt(int index) {
    std::size_t size = 0;
    const char* text = lua_tolstring(state_, index, &size);
    return {text, size};
  }

  void AppendNumber(std::string& out, int index) {
    lua_pushvalue(state_, index);  // converting in place would confuse lua_next
    out += StringAt(-1);
    lua_pop(state_, 1);
  }

  void AppendTable(std::string& out, int index) {
    luaL_checkstack(state_, 8, "table nested too deep");
    if (depth_ == kDepthMax) luaL_error(state_, "to_string: table nested too deep, or inside itself");
    const lua_Integer bytes = CountBytes(state_, index);
    if (bytes > kBytesMax) {
      out += "\"<bytes vector too large: " + std::to_string(bytes) + " bytes>\"";
    } else if (bytes >= 0) {
      AppendQuoted(out, BytesAt(state_, index, bytes));
    } else {
      ++depth_;
      AppendMembers(out, index);
      --depth_;
    }
  }

  void AppendMembers(std::string& out, int index) {
    std::vector<Member> members;
    bool sortable = true;
    for (lua_pushnil(state_); lua_next(state_, index) != 0; lua_pop(state_, 1)) {
      if (lua_islightuserdata(state_, -1) && lua_touserdata(state_, -1) == nullptr) continue;
      Member member;
      member.text = KeyText(-2, member, sortable) + "=";
      Append(member.text, -1);
      members.push_back(std::move(member));
    }
    if (sortable) std::sort(members.begin(), members.end(), InOrder);
    out += '{';
    for (const auto& member : members) out += (&member == members.data() ? "" : ",") + member.text;
    out += '}';
  }

  std::string KeyText(int index, Member& member, bool& sortable) {
    index = lua_absindex(state_, index);
    std::string text;
    Append(text, index);
    if (lua_type(state_, index) == LUA_TSTRING) {
      member.key = std::string(StringAt(index));
      return text;
    }
    if (lua_isinteger(state_, index) != 0) {
      member.key = lua_tointeger(state_, index);
    } else if (lua_type(state_, index) == LUA_TNUMBER) {
      member.key = lua_tonumber(state_, index);
    } else {
      sortable = false;
    }
    return "[" + text + "]";
  }

  lua_State* state_;
  int depth_ = 0;
};

}  // namespace

int ToOneLine(lua_State* state) {
  luaL_checkany(state, 1);
  std::string text;
  Writer(state).Append(text, 1);
  PushString(state, text);
  return 1;
}

}  // namespace metasrv::ctl
