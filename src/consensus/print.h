#pragma once

#include <string>

#include "consensus/message.h"
#include "consensus/types.h"

namespace metasrv {

// Terse one-line texts for scripts and failure reports; not a stable format.
[[nodiscard]] std::string Print(const Message& message);
[[nodiscard]] std::string Print(const Entry& entry);
// "term/index", or "-" for the start of the log.
[[nodiscard]] std::string Print(const std::optional<LogId>& id);

}  // namespace metasrv
