#pragma once

#include <simdjson.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "backup/parse.h"

namespace metasrv::backup {

// The strict reader behind parse.h and request_json.h (export-format.md §1.2): schemas are written as tables of members
// and alternatives, and everything that can be wrong is found in one pass over the text. Internal to this directory.

class Cursor;

// Reads one value; false after an error, which the context keeps. A function with a few pointers, kept in place: the
// tables are built anew for every line.
class ReadFn {
 public:
  template <class F>
  requires(!std::same_as<F, ReadFn>) ReadFn(F read) : call_(&Call<F>) {
    static_assert(sizeof(F) <= kBytes && alignof(F) <= alignof(std::max_align_t));
    static_assert(std::is_trivially_copyable_v<F> && std::is_trivially_destructible_v<F>);
    new (place_) F(read);
  }
  bool operator()(Cursor c) const;

 private:
  static constexpr std::size_t kBytes = 40;

  template <class F>
  static bool Call(const char* place, Cursor c);

  bool (*call_)(const char* place, Cursor c);
  alignas(std::max_align_t) char place_[kBytes];
};

// A member of a struct-like object. Unknown members are skipped; known ones must not come twice.
struct Member {
  std::string_view name;
  bool required;  // otherwise null is the same as missing
  ReadFn read;
};

[[nodiscard]] Member Required(std::string_view name, ReadFn read);
// Missing and null are the same: `read` is not called.
[[nodiscard]] Member Optional(std::string_view name, ReadFn read);

// One alternative of an enum: the bare string "<name>" (or {"<name>":null}) for a unit, {"<name>":<content>} otherwise.
struct Alternative {
  std::string_view name;
  bool unit;
  ReadFn read;
};

[[nodiscard]] Alternative Unit(std::string_view name, ReadFn chosen);
[[nodiscard]] Alternative With(std::string_view name, ReadFn content);

// What all cursors of one text share.
struct ReadContext {
  simdjson::ondemand::document* document = nullptr;
  std::string_view text;
  int depth = 0;
  int predicates = 0;  // around what is being read
  std::optional<ParseError> error;
};

// A value that has not been read yet. Every value must be read at most once, in the order of the text.
class Cursor {
 public:
  // The whole text.
  explicit Cursor(ReadContext* context) : context_(context) {}
  Cursor(ReadContext* context, simdjson::ondemand::value value) : context_(context), value_(value) {}

  // Remembers the first error together with the place; returns false.
  bool Fail(std::string reason) const;
  // 1-based byte position of what is to be read next; just behind the text at its end.
  [[nodiscard]] std::size_t Column() const;

  bool Object(std::initializer_list<Member> members);
  bool Variant(std::initializer_list<Alternative> alternatives);
  // An object whose names are data.
  bool Map(const std::function<bool(std::string_view name, Cursor value)>& entry);
  bool Array(const ReadFn& element);
  // A part of a predicate that may hold others. Two levels of JSON each, of which the limit for all else knows nothing.
  bool Predicate(const ReadFn& read);
  bool U64(std::uint64_t* out);
  // An unsigned integer that is at most `max`.
  bool U64UpTo(std::uint64_t max, std::uint64_t* out);
  bool I64(std::int64_t* out);
  bool Bool(bool* out);
  bool String(std::string* out);
  // An array of integers 0..255.
  bool Bytes(std::string* out);
  // Whether the value is null; if so, it is read.
  bool IsNull(bool* out);
  // Checks the value's syntax and forgets it.
  bool Skip();

 private:
  // Array, Bytes, Map and Object; templates because they are most of an import's work.
  bool EachElement(const auto& element);
  bool EachMember(const auto& entry);
  bool PlainBytes(std::string* out);
  bool ObjectMember(std::initializer_list<Member> members, std::uint32_t* seen, std::string_view name, Cursor value);
  bool UnitVariant(std::initializer_list<Alternative> alternatives);
  bool ContentVariant(std::initializer_list<Alternative> alternatives);
  bool FailAt(std::size_t column, std::string reason) const;
  bool FailJson(simdjson::error_code error, std::string_view expected) const;
  bool Enter() const;
  void Leave() const { --context_->depth; }
  [[nodiscard]] bool IsRoot() const { return !value_.has_value(); }
  [[nodiscard]] simdjson::simdjson_result<simdjson::ondemand::json_type> Type();
  [[nodiscard]] simdjson::simdjson_result<simdjson::ondemand::object> GetObject();
  [[nodiscard]] simdjson::simdjson_result<simdjson::ondemand::array> GetArray();

  ReadContext* context_;
  std::optional<simdjson::ondemand::value> value_;
};

template <class F>
bool ReadFn::Call(const char* place, Cursor c) {
  return (*std::launder(reinterpret_cast<const F*>(place)))(c);
}
inline bool ReadFn::operator()(Cursor c) const { return call_(place_, c); }

// Readers of plain values, for the tables. `set` gets the value.
auto U64(auto set) {
  return [set](Cursor c) {
    std::uint64_t value = 0;
    return c.U64(&value) && (set(value), true);
  };
}
auto I64(auto set) {
  return [set](Cursor c) {
    std::int64_t value = 0;
    return c.I64(&value) && (set(value), true);
  };
}
auto Bool(auto set) {
  return [set](Cursor c) {
    bool value = false;
    return c.Bool(&value) && (set(value), true);
  };
}
inline auto String(std::string* out) {
  return [out](Cursor c) { return c.String(out); };
}
inline auto Bytes(std::string* out) {
  return [out](Cursor c) { return c.Bytes(out); };
}
// An array, with `element` called for each value.
auto Each(auto element) {
  return [element](Cursor c) { return c.Array(element); };
}
// A shape of its own. `out` is taken when the table is built, so it must not name an alternative of a protobuf oneof.
template <class T>
auto As(bool (*read)(Cursor, T*), T* out) {
  return [read, out](Cursor c) { return read(c, out); };
}

// Owns the buffers of the JSON library and keeps them between texts.
class JsonParser {
 public:
  // Reads `text` as one value with `read`, which gets the cursor of the whole text; nothing may follow the value.
  // Requires: the whole text is an array or an object, otherwise it is refused.
  [[nodiscard]] std::optional<ParseError> Parse(std::string_view text, const ReadFn& read);

 private:
  void MakeRoom(std::size_t size);

  simdjson::ondemand::parser parser_;
  std::string padded_;
};

}  // namespace metasrv::backup
