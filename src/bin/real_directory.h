#pragma once

#include "ctl/offline.h"

namespace metasrv {

// A stopped node's data directory over the real stores: what databend-metactl hands to its commands.
[[nodiscard]] std::expected<std::unique_ptr<ctl::OfflineDirectory>, io::Error> OpenRealDirectory(
    const std::string& raft_dir);

}  // namespace metasrv
