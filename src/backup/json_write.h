#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace metasrv::backup {

// bool is an integral type too, and is not meant here.
template <class T>
concept UnsignedInteger = std::unsigned_integral<T> && !std::same_as<T, bool>;

// Appends canonical JSON to a string (export-format.md §1.1): no white space, integers only, bytes as arrays of
// integers, members in the order of the calls. Places the commas itself.
class JsonWriter {
 public:
  // `out` must outlive the writer; what it holds already is left alone.
  explicit JsonWriter(std::string* out) : out_(out), start_(out->size()) {}

  void BeginObject() { Open('{'); }
  void EndObject() { out_->push_back('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { out_->push_back(']'); }

  // The name of the next member. Requires: no character of `name` needs an escape.
  void Key(std::string_view name);

  void Null();
  void Bool(bool value);
  void U64(std::uint64_t value);
  void U64OrNull(std::optional<std::uint64_t> value);
  void I64(std::int64_t value);
  void String(std::string_view text);
  void Bytes(std::string_view bytes);

  void Member(std::string_view name, std::string_view text) { Key(name), String(text); }
  void Member(std::string_view name, std::same_as<bool> auto value) { Key(name), Bool(value); }
  void Member(std::string_view name, UnsignedInteger auto value) { Key(name), U64(value); }
  void Member(std::string_view name, std::signed_integral auto value) { Key(name), I64(value); }
  // Written as null when absent.
  void Member(std::string_view name, std::same_as<std::optional<std::uint64_t>> auto value) {
    Key(name), U64OrNull(value);
  }

 private:
  void Open(char bracket);
  // A comma, unless this is the first thing in the text, an array or an object, or the value of a member.
  void Separate();

  std::string* out_;
  std::size_t start_;
};

// `{"<name>":<body>}`: the shape of an enum variant with content and of most envelopes. `body` writes one value.
void WriteVariant(JsonWriter& w, std::string_view name, const auto& body) {
  w.BeginObject();
  w.Key(name);
  body();
  w.EndObject();
}

}  // namespace metasrv::backup
