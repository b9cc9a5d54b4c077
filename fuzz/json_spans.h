#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace metasrv::fuzz {

// Where a value begins and ends in a text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;

  [[nodiscard]] std::size_t size() const { return end - begin; }
};

// Every value and every member name of a text that is nearly JSON, in the order in which they begin. An array or an
// object that is not closed reaches to the end of the text.
[[nodiscard]] std::vector<Span> ValuesOf(std::string_view text);

}  // namespace metasrv::fuzz
