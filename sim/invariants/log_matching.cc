#include "sim/invariants/log_matching.h"

#include <algorithm>

#include "sim/invariants/node_view.h"

namespace metasrv::sim {

const LogMatching::Known* LogMatching::Find(Term term, LogIndex index) const {
  if (index.value() >= by_index_.size()) return nullptr;
  for (const Known& known : by_index_[index.value()]) {
    if (known.entry.id.term == term) return &known;
  }
  return nullptr;
}

void LogMatching::OnStored(NodeId node, std::optional<Term> before, const Entry& entry) {
  if (entry.id.index.value() >= by_index_.size()) by_index_.resize(entry.id.index.value() + 1);
  std::vector<Known>& candidates = by_index_[entry.id.index.value()];
  const auto known = std::find_if(candidates.begin(), candidates.end(),
                                  [&](const Known& other) { return other.entry.id.term == entry.id.term; });
  if (known == candidates.end()) {
    candidates.push_back({entry, before, node});
    return;
  }
  const std::string where = Name(node) + " stores " + ToString(entry.id);
  if (!known->before) known->before = before;
  if (before && known->before != before) {
    verdict_.Broken(kLogMatching, where + " after another term than " + Name(known->first_seen_at) + " did");
  } else if (!(known->entry == entry)) {
    verdict_.Broken(kLogMatching, where + " with other content than " + Name(known->first_seen_at));
  }
}

}  // namespace metasrv::sim
