#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "consensus/catch_up.h"
#include "consensus/input.h"
#include "consensus/output.h"

namespace metasrv {

// A membership change that a leader has accepted and not answered yet.
struct Change {
  enum class Stage : std::uint8_t {
    kQueued,    // nothing is in the log yet
    kCatchUp,   // the node is a learner; waits until it keeps up
    kJoint,     // the joint entry is in the log
    kFinal,     // the last entry is in the log; done when it is committed
    kTakeBack,  // the learner did not keep up; the entry that removes it again is in the log
  };
  ChangeMembership request;
  Stage stage = Stage::kQueued;
  Instant deadline;            // queued: its turn has to come before
  LogIndex entry_end;          // number of entries up to the last one that this change appended
  bool added_learner = false;  // by this change: taken back when the learner does not keep up
  CatchUp catch_up;
};

// The changes of one leadership in order of arrival (raft-engines.md §5.8). At most one of them has an uncommitted
// entry at any time, but any number of learners may be catching up meanwhile, so a joiner that cannot be reached holds
// up nobody. Changes of the same node follow one another.
class ChangeQueue {
 public:
  // False when `max` changes wait already.
  [[nodiscard]] bool Add(const ChangeMembership& request, Instant deadline, std::size_t max);

  [[nodiscard]] std::size_t size() const { return changes_.size(); }
  [[nodiscard]] bool empty() const { return changes_.empty(); }
  [[nodiscard]] Change& At(std::size_t at) { return changes_.at(at); }
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  // Whether an earlier change is about the same node.
  [[nodiscard]] bool MustWait(std::size_t at) const;
  // The change whose joint entry is the configuration in effect.
  [[nodiscard]] Change* InJoint();

  // Removes and returns it.
  Change Take(std::size_t at);
  // The position of the first queued change that is out of time.
  [[nodiscard]] std::optional<std::size_t> Expired(Instant now) const;

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  std::vector<Change> changes_;
};

}  // namespace metasrv
