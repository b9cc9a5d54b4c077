#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <vector>

#include "node/context.h"
#include "node/range_index.h"
#include "node/watch.h"

namespace metasrv::node {

// The watches of this node (grpc-api.md §7): each gets every change in its range that its filter passes, in log order,
// once, after the change became readable here, from the moment it begins until it ends. None waits for another, and
// nothing waits for any of them: one that cannot keep up is ended.
class Watchers {
 public:
  explicit Watchers(Context& context);

  // Requires: the range is not empty.
  [[nodiscard]] std::expected<WatchStart, WatchRefusal> Begin(const WatchSpec& spec, std::shared_ptr<Watcher> watcher);
  // Forgets the watch without another call of its watcher; unknown ids are ignored.
  void Forget(WatchId id);

  // An entry was applied. Its changes are taken when somebody watches.
  void OnApplied(sm::Applied& applied);
  // Ends every watch. Afterwards new ones begin, unless SetBarred or Stop say otherwise.
  void EndAll(WatchEnd reason);
  // While barred the state is known to be wrong, and nobody watches it.
  void SetBarred(bool barred);
  void Stop();

  [[nodiscard]] WatchFigures figures() const;

 private:
  struct Watch {
    WatchSpec spec;
    std::shared_ptr<Watcher> watcher;
  };
  using Watches = std::map<WatchId, Watch>;

  void Publish(LogIndex index, sm::Change& change);
  void End(Watches::iterator watch, WatchEnd reason);
  void KeepWithinMemory();

  Context& context_;
  RangeIndex index_;
  Watches watches_;
  std::vector<WatchId> too_slow_;  // of one change; a member to keep its memory
  std::shared_ptr<WatchLedger> ledger_ = std::make_shared<WatchLedger>(0);
  std::uint64_t last_id_ = 0;
  WatchFigures figures_;
  bool barred_ = false;
  bool stopped_ = false;
};

}  // namespace metasrv::node
