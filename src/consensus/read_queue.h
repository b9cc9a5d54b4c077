#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "consensus/types.h"

namespace metasrv {

// Reads that wait until the leader is known to have led at or after their arrival (ReadIndex, thesis §6.4). A read is
// confirmed by the first round that is *sent* after it arrived; rounds are never reused within a leadership.
class ReadQueue {
 public:
  struct Item {
    RequestId id;
    std::optional<NodeId> from;  // the follower that asked; none: this node's own client
    LogIndex end;                // commit end when the read arrived: what it must at least see
  };

  // Requires: the leader has committed an entry of its term.
  void Add(Item item) { waiting_.push_back(item); }
  // Reads that arrived before that.
  void AddEarly(Item item) { early_.push_back(item); }
  // The first entry of the term is committed, at `commit_end`.
  void AdmitEarly(LogIndex commit_end);

  // Whether a new round should be sent now: reads wait and no round of theirs is on its way.
  [[nodiscard]] bool NeedsRound() const { return !waiting_.empty() && sent_.empty(); }
  // Round `round` is being sent: it will confirm everything that waits.
  void Send(std::uint64_t round);
  // A quorum answered `round`; returns the reads this confirms.
  [[nodiscard]] std::vector<Item> Confirm(std::uint64_t round);

  // Gives up all reads, in arrival order.
  [[nodiscard]] std::vector<Item> Drain();

  [[nodiscard]] std::size_t size() const { return early_.size() + waiting_.size() + sent_.size(); }

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  struct Sent {
    std::uint64_t round;
    Item item;
  };
  std::vector<Item> early_;
  std::vector<Item> waiting_;
  std::deque<Sent> sent_;  // ascending rounds
};

}  // namespace metasrv
