#pragma once

#include <functional>
#include <optional>
#include <string>

#include "log.pb.h"
#include "node/context.h"
#include "node/pump.h"

namespace metasrv::node {

// Watches the free space of the data directory's disk, tells consensus when it becomes critical, after leadership was
// handed over if possible, and refuses at the door what would make a state grow that hardly fits. Service resumes by
// itself once there is room again.
class Space {
 public:
  // Calls `then` once another node leads or nobody takes over; at once when this one does not lead.
  using MakeWay = std::function<void(std::function<void()> then)>;

  Space(Context& context, Pump& pump, MakeWay make_way);

  // Looks now and from then on regularly.
  void Start();
  void Stop() { timer_.Cancel(); }

  // Why this leader does not take `command`, with the remedy; nothing when it does.
  [[nodiscard]] std::optional<std::string> WhyRefused(const pb::Command& command) const;
  // Whether a state may be received.
  [[nodiscard]] bool critical() const { return level_ == SpaceLevel::kCritical; }

 private:
  void Look();
  void Tell() { pump_.Feed(DiskSpace{level_}); }
  [[nodiscard]] SpaceLevel LevelOf(std::uint64_t free) const;
  void Announce() const;
  [[nodiscard]] std::string Free() const;

  Context& context_;
  Pump& pump_;
  MakeWay make_way_;
  Timer timer_;
  SpaceLevel level_ = SpaceLevel::kEnough;
  std::uint64_t free_ = 0;
};

}  // namespace metasrv::node
