#pragma once

#include "log.pb.h"

namespace metasrv::sm {

// Whether applying `command` may make the state larger, whichever branch it takes. Deletions and what administrators do
// to members do not count: they must go on when a disk is almost full.
[[nodiscard]] bool MayGrow(const pb::Command& command);

}  // namespace metasrv::sm
