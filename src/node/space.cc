#include "node/space.h"

#include <utility>

#include "sm/growth.h"

namespace metasrv::node {
namespace {

// A level is left only when there is this much more room than where it begins, so that it does not flutter.
constexpr std::uint64_t kSlackDivisor = 8;

}  // namespace

Space::Space(Context& context, Pump& pump, MakeWay make_way)
    : context_(context), pump_(pump), make_way_(std::move(make_way)), timer_(context.env.loop) {}

void Space::Start() { Look(); }

void Space::Look() {
  timer_.Set(context_.Now() + context_.options.disk_check_interval, [this] { Look(); });
  const std::optional<std::uint64_t> free = context_.env.log_store.FreeBytes();
  if (!free) return;
  free_ = *free;
  const SpaceLevel level = LevelOf(free_);
  if (level == level_) return;
  level_ = level;
  Announce();
  // There may be more room again by the time that nobody was found.
  if (critical()) return make_way_([this] { Tell(); });
  Tell();
}

SpaceLevel Space::LevelOf(std::uint64_t free) const {
  const auto below = [&](std::uint64_t limit, SpaceLevel level) {
    return free < limit || (level_ >= level && free < limit + limit / kSlackDivisor);
  };
  if (below(context_.options.disk_free_critical, SpaceLevel::kCritical)) return SpaceLevel::kCritical;
  if (below(context_.options.disk_free_low, SpaceLevel::kLow)) return SpaceLevel::kLow;
  return SpaceLevel::kEnough;
}

std::string Space::Free() const { return std::to_string(free_ / (1024 * 1024)) + " MiB free"; }

void Space::Announce() const {
  switch (level_) {
    case SpaceLevel::kEnough: return context_.Info("disk of raft_dir has room again: " + Free());
    case SpaceLevel::kLow:
      return context_.Warn("disk of raft_dir almost full: " + Free() +
                           "; only deletions are accepted; delete keys or add space");
    case SpaceLevel::kCritical:
      return context_.Warn("disk of raft_dir full: " + Free() +
                           "; this node does not lead and stores no entries until there is room; add space");
  }
}

std::optional<std::string> Space::WhyRefused(const pb::Command& command) const {
  if (level_ == SpaceLevel::kEnough) return std::nullopt;
  if (!sm::MayGrow(command)) {
    context_.Emit({TraceKind::kReliefPassed, 0, 0, {}});
    return std::nullopt;
  }
  context_.Emit({TraceKind::kGrowthRefused, 0, 0, {}});
  return "disk of raft_dir almost full: " + Free() + "; delete keys or add space";
}

}  // namespace metasrv::node
