#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace metasrv::fuzz {

// One random change of a text of JSON lines that leaves most of its structure alone: lines are dropped, repeated,
// swapped, moved, taken over from another document; values are renamed, exchanged, nested, removed or set to the edges
// of 64 bits; strings get escapes and broken UTF-8. Knows the words of the backup format and of the API's requests.
// The same seed gives the same change.
[[nodiscard]] std::string MutateLines(std::string_view document, std::uint64_t seed);

// Lines of both documents, mostly in their order.
[[nodiscard]] std::string CrossLines(std::string_view left, std::string_view right, std::uint64_t seed);

}  // namespace metasrv::fuzz
