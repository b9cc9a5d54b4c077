#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "backup/record.h"

namespace metasrv::backup {

// Longer lines are refused before they are read. The longest that this program writes is a record or a transaction as
// large as a message, whose bytes take up to four characters each.
inline constexpr std::size_t kLineBytesMax = std::size_t{512} << 20U;

// Why a text was refused.
struct ParseError {
  std::string reason;      // for example: missing field `seq`
  std::size_t column = 1;  // 1-based byte position in the text; just behind it when its end is what is wrong
};

// Reads lines of every accepted data version (export-format.md §1.2, §4, §5). Keeps its buffers between lines; not
// thread-safe.
class LineParser {
 public:
  LineParser();
  ~LineParser();
  LineParser(LineParser&&) noexcept;
  LineParser& operator=(LineParser&&) noexcept;

  // Requires: `text` holds no "\n". A trailing "\r" is accepted.
  [[nodiscard]] std::expected<Line, ParseError> Parse(std::string_view text);

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace metasrv::backup
