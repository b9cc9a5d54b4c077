#include "backup/json_read.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "sm/validate.h"

namespace metasrv::backup {
namespace {

using simdjson::error_code;
using simdjson::ondemand::json_type;

// Deeper texts are refused (export-format.md §1.2).
constexpr int kMaxDepth = 127;

constexpr int kLevelsOfPredicate = 2;
constexpr int kPredicatesMax = sm::kPredicateDepthMax + 1;  // the innermost may be a condition

// After a text larger than this the buffers are given back.
constexpr std::size_t kKeptBufferBytes = 8 * 1024 * 1024;

std::string Quoted(std::string_view name) { return "`" + std::string(name) + "`"; }

std::string UnknownVariant(std::string_view name, std::initializer_list<Alternative> alternatives) {
  std::string text = "unknown variant " + Quoted(name) + ", expected ";
  if (alternatives.size() > 1) text += "one of ";
  bool first = true;
  for (const Alternative& alternative : alternatives) {
    if (!first) text += ", ";
    first = false;
    text += Quoted(alternative.name);
  }
  return text;
}

const Alternative* Find(std::initializer_list<Alternative> alternatives, std::string_view name) {
  auto at = std::ranges::find(alternatives, name, &Alternative::name);
  return at == alternatives.end() ? nullptr : at;
}

// Writes the bytes whose numbers follow, with one comma between two and a bracket at the end, to `to`; their end, or
// null when the text is anything else.
char* ScanBytes(const char* text, char* to) {
  if (*text == ']') return to;
  while (true) {
    const char* const first = text;
    unsigned value = 0;
    for (unsigned digit = 0; (digit = static_cast<unsigned char>(*text) - unsigned{'0'}) <= 9 && text - first < 4;
         ++text) {
      value = 10 * value + digit;
    }
    const bool leading_zero = *first == '0' && text - first > 1;
    if (text == first || value > 255 || leading_zero) return nullptr;
    *to++ = static_cast<char>(value);
    if (*text == ']') return to;
    if (*text++ != ',') return nullptr;
  }
}

// How many bytes `text` begins with that are whole characters in UTF-8.
std::size_t ValidUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (!simdjson::validate_utf8(text.substr(at, length))) return at;
    at += length;
  }
  return text.size();
}

// Where the first string with a raw control character has it.
std::size_t ControlCharacterInString(std::string_view text) {
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (in_string && static_cast<unsigned char>(text[at]) < 0x20) return at;
    if (text[at] == '"') in_string = !in_string;
    if (in_string && text[at] == '\\') ++at;
  }
  return text.size();
}

// Where the library found what it refuses before it reads values; it does not tell.
std::size_t FirstFault(std::string_view text, error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR: return ValidUtf8(text);
    case simdjson::UNESCAPED_CHARS: return ControlCharacterInString(text);
    default: return text.size();
  }
}

}  // namespace

Member Required(std::string_view name, ReadFn read) { return {name, true, read}; }
Member Optional(std::string_view name, ReadFn read) { return {name, false, read}; }

Alternative Unit(std::string_view name, ReadFn chosen) { return {name, true, chosen}; }
Alternative With(std::string_view name, ReadFn content) { return {name, false, content}; }

bool Cursor::Fail(std::string reason) const { return FailAt(Column(), std::move(reason)); }

bool Cursor::FailAt(std::size_t column, std::string reason) const {
  if (!context_->error.has_value()) context_->error = ParseError{std::move(reason), column};
  return false;
}

std::size_t Cursor::Column() const {
  const char* at = nullptr;
  const bool known = context_->document->current_location().get(at) == simdjson::SUCCESS;
  const std::string_view text = context_->text;
  return 1 +
         (known && at >= text.data() ? std::min(static_cast<std::size_t>(at - text.data()), text.size()) : text.size());
}

bool Cursor::FailJson(error_code error, std::string_view expected) const {
  switch (error) {
    case simdjson::INCORRECT_TYPE: return Fail("invalid type: expected " + std::string(expected));
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE: return Fail("invalid number: expected " + std::string(expected));
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT: return FailAt(context_->text.size() + 1, simdjson::error_message(error));
    default: return Fail(simdjson::error_message(error));
  }
}

bool Cursor::Enter() const {
  if (++context_->depth <= kMaxDepth) return true;
  return Fail("recursion limit exceeded");
}

simdjson::simdjson_result<json_type> Cursor::Type() { return IsRoot() ? context_->document->type() : value_->type(); }

simdjson::simdjson_result<simdjson::ondemand::object> Cursor::GetObject() {
  return IsRoot() ? context_->document->get_object() : value_->get_object();
}

simdjson::simdjson_result<simdjson::ondemand::array> Cursor::GetArray() {
  return IsRoot() ? context_->document->get_array() : value_->get_array();
}

bool Cursor::EachMember(const auto& entry) {
  if (!Enter()) return false;
  simdjson::ondemand::object object;
  if (auto error = GetObject().get(object)) return FailJson(error, "an object");
  for (auto result : object) {
    simdjson::ondemand::field field;
    if (auto error = std::move(result).get(field)) return FailJson(error, "a member");
    std::string_view name;
    if (auto error = field.unescaped_key().get(name)) return FailJson(error, "a member name");
    if (!entry(name, Cursor(context_, field.value()))) return false;
  }
  Leave();
  return true;
}

bool Cursor::Predicate(const ReadFn& read) {
  if (context_->predicates == kPredicatesMax) return Fail("recursion limit exceeded");
  ++context_->predicates;
  context_->depth -= kLevelsOfPredicate;
  const bool ok = read(*this);
  context_->depth += kLevelsOfPredicate;
  --context_->predicates;
  return ok;
}

bool Cursor::Map(const std::function<bool(std::string_view, Cursor)>& entry) { return EachMember(entry); }

bool Cursor::ObjectMember(std::initializer_list<Member> members, std::uint32_t* seen, std::string_view name,
                          Cursor value) {
  auto member = std::ranges::find(members, name, &Member::name);
  if (member == members.end()) return value.Skip();
  std::uint32_t bit = 1u << (member - members.begin());
  if ((*seen & bit) != 0) return Fail("duplicate field " + Quoted(name));
  *seen |= bit;
  bool null = false;
  if (!member->required && !value.IsNull(&null)) return false;
  return null || member->read(value);
}

bool Cursor::Object(std::initializer_list<Member> members) {
  std::uint32_t seen = 0;
  auto entry = [&](std::string_view name, Cursor value) { return ObjectMember(members, &seen, name, value); };
  if (!EachMember(entry)) return false;
  std::uint32_t bit = 1;
  for (const Member& member : members) {
    if (member.required && (seen & bit) == 0) return Fail("missing field " + Quoted(member.name));
    bit <<= 1;
  }
  return true;
}

bool Cursor::UnitVariant(std::initializer_list<Alternative> alternatives) {
  std::string name;
  if (!String(&name)) return false;
  const Alternative* chosen = Find(alternatives, name);
  if (chosen == nullptr) return Fail(UnknownVariant(name, alternatives));
  if (!chosen->unit) return Fail("invalid type: unit variant " + Quoted(name) + " needs a content");
  return chosen->read(*this);
}

bool Cursor::ContentVariant(std::initializer_list<Alternative> alternatives) {
  bool found = false;
  auto entry = [&](std::string_view name, Cursor value) {
    if (found) return value.Fail("an enum object must have exactly one member");
    found = true;
    const Alternative* chosen = Find(alternatives, name);
    if (chosen == nullptr) return value.Fail(UnknownVariant(name, alternatives));
    if (!chosen->unit) return chosen->read(value);
    bool null = false;
    if (!value.IsNull(&null)) return false;
    return null ? chosen->read(value) : value.Fail("unit variant " + Quoted(name) + " has a content");
  };
  return EachMember(entry) && (found || Fail("an enum object must have exactly one member"));
}

bool Cursor::Variant(std::initializer_list<Alternative> alternatives) {
  json_type type;
  if (auto error = Type().get(type)) return FailJson(error, "an enum");
  return type == json_type::string ? UnitVariant(alternatives) : ContentVariant(alternatives);
}

bool Cursor::EachElement(const auto& element) {
  if (!Enter()) return false;
  simdjson::ondemand::array array;
  if (auto error = GetArray().get(array)) return FailJson(error, "an array");
  for (auto result : array) {
    simdjson::ondemand::value value;
    if (auto error = std::move(result).get(value)) return FailJson(error, "an element");
    if (!element(Cursor(context_, value))) return false;
  }
  Leave();
  return true;
}

bool Cursor::Array(const ReadFn& element) { return EachElement(element); }

bool Cursor::U64(std::uint64_t* out) { return U64UpTo(std::numeric_limits<std::uint64_t>::max(), out); }

bool Cursor::U64UpTo(std::uint64_t max, std::uint64_t* out) {
  const std::size_t column = Column();
  if (auto error = value_->get_uint64().get(*out)) return FailJson(error, "an unsigned integer");
  return *out <= max || FailAt(column, "number out of range: expected at most " + std::to_string(max));
}

bool Cursor::I64(std::int64_t* out) {
  auto error = value_->get_int64().get(*out);
  return error == simdjson::SUCCESS || FailJson(error, "an integer");
}

bool Cursor::Bool(bool* out) {
  auto error = value_->get_bool().get(*out);
  return error == simdjson::SUCCESS || FailJson(error, "true or false");
}

bool Cursor::String(std::string* out) {
  const std::size_t column = Column();
  std::string_view text;
  const error_code error = value_->get_string().get(text);
  if (error == simdjson::STRING_ERROR) return FailAt(column, simdjson::error_message(error));
  if (error != simdjson::SUCCESS) return FailJson(error, "a string");
  // An escaped half of a surrogate pair would not be UTF-8.
  if (!simdjson::validate_utf8(text)) return FailAt(column, "a string holds half of a surrogate pair");
  out->assign(text);
  return true;
}

// Reads the array if it is written as every known writer does, "[1,2,255]"; false, and nothing is read, otherwise. Most
// of a backup consists of these numbers.
bool Cursor::PlainBytes(std::string* out) {
  const char* begin = nullptr;
  if (context_->document->current_location().get(begin) != simdjson::SUCCESS || *begin != '[') return false;
  const char* const end = std::strchr(begin, ']');
  if (end == nullptr) return false;
  // A byte takes at least two characters.
  bool plain = false;
  out->resize_and_overwrite(static_cast<std::size_t>(end - begin) / 2 + 1, [&](char* to, std::size_t) {
    const char* const last = ScanBytes(begin + 1, to);
    plain = last != nullptr;
    return plain ? static_cast<std::size_t>(last - to) : 0;
  });
  if (!plain) return false;
  simdjson::ondemand::array array;
  std::string_view text;
  return !GetArray().get(array) && !array.raw_json().get(text);
}

bool Cursor::Bytes(std::string* out) {
  if (PlainBytes(out)) return Enter() && (Leave(), true);
  out->clear();
  return EachElement([out](Cursor c) {
    std::uint64_t byte = 0;
    if (!c.U64UpTo(255, &byte)) return false;
    out->push_back(static_cast<char>(byte));
    return true;
  });
}

bool Cursor::IsNull(bool* out) {
  *out = false;
  if (IsRoot()) return true;
  json_type type;
  if (auto error = value_->type().get(type)) return FailJson(error, "a value");
  if (type != json_type::null) return true;
  auto error = value_->is_null().get(*out);
  return error == simdjson::SUCCESS || FailJson(error, "null");
}

bool Cursor::Skip() {
  json_type type;
  if (auto error = Type().get(type)) return FailJson(error, "a value");
  switch (type) {
    case json_type::array: return Array([](Cursor c) { return c.Skip(); });
    case json_type::object: return Map([](std::string_view, Cursor c) { return c.Skip(); });
    case json_type::boolean: {
      bool ignored = false;
      return Bool(&ignored);
    }
    case json_type::null: {
      bool ignored = false;
      return IsNull(&ignored);
    }
    case json_type::string: {
      std::string ignored;
      return String(&ignored);
    }
    case json_type::number: {
      double ignored = 0;
      auto error = value_->get_double().get(ignored);
      return error == simdjson::SUCCESS || FailJson(error, "a number");
    }
  }
  return Fail("not a JSON value");
}

void JsonParser::MakeRoom(std::size_t size) {
  if (padded_.capacity() > kKeptBufferBytes && size <= kKeptBufferBytes) {
    parser_ = simdjson::ondemand::parser();
    padded_ = std::string();
  }
  padded_.resize(size + simdjson::SIMDJSON_PADDING);
}

std::optional<ParseError> JsonParser::Parse(std::string_view text, const ReadFn& read) {
  MakeRoom(text.size());
  std::copy(text.begin(), text.end(), padded_.begin());
  std::fill_n(padded_.begin() + static_cast<std::ptrdiff_t>(text.size()), simdjson::SIMDJSON_PADDING, '\0');
  simdjson::ondemand::document document;
  simdjson::padded_string_view padded(padded_.data(), text.size(), padded_.size());
  if (auto error = parser_.iterate(padded).get(document)) {
    return ParseError{simdjson::error_message(error), FirstFault(text, error) + 1};
  }
  ReadContext context{&document, std::string_view(padded_).substr(0, text.size())};
  Cursor root(&context);
  if (document.is_scalar().value_unsafe()) {
    root.Fail("expected an array or an object");
  } else if (read(root) && document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    root.Fail("trailing characters");
  }
  return std::move(context.error);
}

}  // namespace metasrv::backup
