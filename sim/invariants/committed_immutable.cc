#include "sim/invariants/committed_immutable.h"

#include <algorithm>

#include "sim/invariants/node_view.h"

namespace metasrv::sim {

void CommittedImmutable::OnWrite(NodeId node, const LogOutline& before, const LogOutline& after,
                                 const CommitHistory& committed) {
  // The newest committed entry that the log held before: the ones below it follow by log matching.
  LogIndex end = std::min(before.end(), committed.end());
  while (end > before.begin() && before.TermAt(end.Prev()) != committed.TermAt(end.Prev())) end = end.Prev();
  if (end == before.begin()) return;
  const LogId id{committed.TermAt(end.Prev()), NodeId(), end.Prev()};
  if (after.Covers(id)) return;
  verdict_.Broken(kCommittedImmutable, Name(node) + " removes committed entry " + std::to_string(id.index.value()) +
                                           " of term " + std::to_string(id.term.value()) + " from its log");
}

}  // namespace metasrv::sim
