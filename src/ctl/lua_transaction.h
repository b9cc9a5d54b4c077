#pragma once

#include <expected>
#include <lua.hpp>
#include <string>

#include "meta.pb.h"

namespace metasrv::ctl {

// The transaction that the table at `index` describes (metactl.md §5.5). Errors: the text after "Invalid transaction:
// ", which begins with the path of the wrong part.
[[nodiscard]] std::expected<meta::TxnRequest, std::string> ReadTransaction(lua_State* state, int index);

// Seconds, fractions allowed, as the interface takes them (§5.2, §5.5).
// Errors: "<what>: duration must be finite, non-negative, and representable".
[[nodiscard]] std::expected<double, std::string> CheckSeconds(double seconds, const std::string& what);

}  // namespace metasrv::ctl
