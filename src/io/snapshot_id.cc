#include "io/snapshot_id.h"

namespace metasrv::io {

std::string SnapshotId(const std::optional<LogId>& last, WallMillis taken) {
  const std::string position = !last ? "--"
                                     : std::to_string(last->term.value()) + "-" + std::to_string(last->leader.value()) +
                                           "-" + std::to_string(last->index.value());
  return position + "-" + std::to_string(taken.value());
}

}  // namespace metasrv::io
