#pragma once

#include <string>

#include "log.pb.h"

namespace metasrv::ctl {

// A command of the log on one line, "[time: <t> ]cmd: <what it does>"; values show their size or nothing at all
// (metactl.md §4.14).
[[nodiscard]] std::string CommandText(const pb::Command& command);

}  // namespace metasrv::ctl
