#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/consensus/explore/node.h"

namespace metasrv::test {

// What has happened in the cluster as a whole and is never undone: the safety properties speak about it.
struct History {
  struct Committed {
    Entry entry;
    Term by;  // the term of the leader that committed it
  };
  std::map<Term, NodeId> leaders;
  std::vector<Committed> committed;     // from the first entry of the log
  std::map<RequestId, LogIndex> reads;  // not answered yet: entries that were committed when it was asked

  [[nodiscard]] Digest digest() const;
};

// Nodes as the judges see them: all of one global state.
using View = std::vector<const Node*>;

// Judges a step of node `at`, of which `view` shows the state afterwards: promises are durable first, election safety,
// commitment only of own terms and on a quorum of disks, state machine safety, reads that see all that was committed
// (thesis §3.4 to §3.6, §3.8, §6.4). `before`: the node before the step, which may commit an entry and
// then append the next membership or stop leading. Returns the property that the step broke; sets `next` when history
// has grown.
[[nodiscard]] std::optional<std::string> Judge(const History& history, const View& view, std::size_t at,
                                               const Node& before, const Effect& effect, std::optional<History>& next);

// What must hold of every node at every time: it believes nothing committed but what is, and a leader has all that was
// committed up to its term (leader completeness). Returns what does not.
[[nodiscard]] std::optional<std::string> JudgeNode(const History& history, const Node& node);

// Log Matching (thesis §3.5): one entry in common means that everything before it is.
[[nodiscard]] bool LogsMatch(const Node& a, const Node& b);

}  // namespace metasrv::test
