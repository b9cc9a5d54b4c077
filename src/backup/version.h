#pragma once

#include <string>
#include <string_view>

namespace metasrv::backup {

// The data version that is written.
inline constexpr std::string_view kDataVersion = "V004";

// "V004(2024-11-11: WAL based raft-log)". Requires: `version` is V0, V001, V002, V003 or V004.
[[nodiscard]] std::string LongVersion(std::string_view version);

}  // namespace metasrv::backup
