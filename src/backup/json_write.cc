#include "backup/json_write.h"

#include <array>
#include <charconv>
#include <cstring>

namespace metasrv::backup {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// The letter after the backslash for characters that have a short escape, otherwise 0.
constexpr char ShortEscape(unsigned char c) {
  switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\b': return 'b';
    case '\t': return 't';
    case '\n': return 'n';
    case '\f': return 'f';
    case '\r': return 'r';
    default: return 0;
  }
}

constexpr bool NeedsEscape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

void AppendEscaped(unsigned char c, std::string* out) {
  out->push_back('\\');
  if (char letter = ShortEscape(c); letter != 0) {
    out->push_back(letter);
    return;
  }
  out->append("u00");
  out->push_back(kHexDigits[c >> 4]);
  out->push_back(kHexDigits[c & 0xf]);
}

// The text of one byte followed by a comma.
struct ByteText {
  char text[4];
  std::uint8_t size;
};

constexpr std::array<ByteText, 256> MakeByteTexts() {
  std::array<ByteText, 256> texts{};
  for (unsigned value = 0; value < 256; ++value) {
    ByteText& entry = texts[value];
    if (value >= 100) entry.text[entry.size++] = static_cast<char>('0' + value / 100);
    if (value >= 10) entry.text[entry.size++] = static_cast<char>('0' + value / 10 % 10);
    entry.text[entry.size++] = static_cast<char>('0' + value % 10);
    entry.text[entry.size++] = ',';
  }
  return texts;
}

constexpr std::array<ByteText, 256> kByteTexts = MakeByteTexts();

template <class Integer>
void AppendInteger(Integer value, std::string* out) {
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out->append(digits, end);
}

}  // namespace

void JsonWriter::Separate() {
  if (out_->size() == start_) return;
  char last = out_->back();
  // A value never ends in one of these: strings end in a quote.
  if (last != '{' && last != '[' && last != ':') out_->push_back(',');
}

void JsonWriter::Open(char bracket) {
  Separate();
  out_->push_back(bracket);
}

void JsonWriter::Key(std::string_view name) {
  Separate();
  out_->push_back('"');
  out_->append(name);
  out_->append("\":");
}

void JsonWriter::Null() {
  Separate();
  out_->append("null");
}

void JsonWriter::Bool(bool value) {
  Separate();
  out_->append(value ? "true" : "false");
}

void JsonWriter::U64(std::uint64_t value) {
  Separate();
  AppendInteger(value, out_);
}

void JsonWriter::I64(std::int64_t value) {
  Separate();
  AppendInteger(value, out_);
}

void JsonWriter::String(std::string_view text) {
  Separate();
  out_->push_back('"');
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (!NeedsEscape(c)) continue;
    out_->append(text, done, i - done);
    AppendEscaped(c, out_);
    done = i + 1;
  }
  out_->append(text, done);
  out_->push_back('"');
}

void JsonWriter::Bytes(std::string_view bytes) {
  BeginArray();
  if (!bytes.empty()) {
    std::size_t used = out_->size();
    out_->resize(used + 4 * bytes.size());
    char* to = out_->data() + used;
    for (char byte : bytes) {
      const ByteText& entry = kByteTexts[static_cast<unsigned char>(byte)];
      std::memcpy(to, entry.text, sizeof(entry.text));
      to += entry.size;
    }
    // The comma after the last byte goes again.
    out_->resize(static_cast<std::size_t>(to - out_->data()) - 1);
  }
  EndArray();
}

void JsonWriter::U64OrNull(std::optional<std::uint64_t> value) { value.has_value() ? U64(*value) : Null(); }

}  // namespace metasrv::backup
