#pragma once

#include <optional>
#include <string>

#include "log.pb.h"
#include "node/context.h"
#include "node/pump.h"

namespace metasrv::node {

// Watches the free space of the data directory's disk, tells consensus when it becomes critical, and refuses at the
// door what would make a state grow that hardly fits. Service resumes by itself once there is room again.
class Space {
 public:
  Space(Context& context, Pump& pump);

  // Looks now and from then on regularly.
  void Start();
  void Stop() { timer_.Cancel(); }

  // Why this leader does not take `command`, with the remedy; nothing when it does.
  [[nodiscard]] std::optional<std::string> WhyRefused(const pb::Command& command) const;
  // Whether a state may be received.
  [[nodiscard]] bool critical() const { return level_ == SpaceLevel::kCritical; }

 private:
  void Look();
  [[nodiscard]] SpaceLevel LevelOf(std::uint64_t free) const;
  void Announce() const;
  [[nodiscard]] std::string Free() const;

  Context& context_;
  Pump& pump_;
  Timer timer_;
  SpaceLevel level_ = SpaceLevel::kEnough;
  std::uint64_t free_ = 0;
};

}  // namespace metasrv::node
