// A disk that runs full (design.md; docs/STORAGE.md, Full disks). A node without room keeps its promises by making no
// new ones: it hands leadership on, does not campaign and acknowledges no entry that it would have to store.
#include "common/check.h"
#include "consensus/core.h"

namespace metasrv {

void RaftCore::Handle(const DiskSpace& space) {
  if (space.level == space_) return;
  const bool was_critical = space_ == SpaceLevel::kCritical;
  space_ = space.level;
  Trace(TraceKind::kDiskSpace, static_cast<std::uint64_t>(space.level));
  if (space_ == SpaceLevel::kCritical) {
    if (!std::holds_alternative<Follower>(role_)) BecomeFollower(hard_state_.term, std::nullopt);
  } else if (was_critical) {
    ResetElectionTimer();
    if (MayCampaign() && IsOnlyVoter()) election_at_ = now_;
  }
}

// Leaves what the log has already; whether anything was dropped. An entry that differs from the log's is dropped like a
// new one: a replacement needs room, too.
bool RaftCore::DropUnknown(AppendRequest& request) const {
  std::size_t known = 0;
  while (known < request.entries.size()) {
    const LogId& id = request.entries[known].id;
    if (id.index >= log_.begin() && log_.IdAt(id.index) != id) break;
    ++known;
  }
  const bool drops = known < request.entries.size();
  request.entries.resize(known);
  return drops;
}

}  // namespace metasrv
