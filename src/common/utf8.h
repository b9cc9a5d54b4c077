#pragma once

#include <string_view>

namespace metasrv {

// Whether `bytes` are well-formed UTF-8: shortest forms only, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool IsUtf8(std::string_view bytes);

}  // namespace metasrv
