#include "sim/invariants/log_matching.h"

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
  const Known* known = Find(entry.id.term, entry.id.index);
  if (known == nullptr) {
    if (entry.id.index.value() >= by_index_.size()) by_index_.resize(entry.id.index.value() + 1);
    by_index_[entry.id.index.value()].push_back({entry, before, node});
    return;
  }
  const std::string where = Name(node) + " stores " + ToString(entry.id);
  if (known->before != before) {
    verdict_.Broken(kLogMatching, where + " after another term than " + Name(known->first_seen_at) + " did");
  } else if (!(known->entry == entry)) {
    verdict_.Broken(kLogMatching, where + " with other content than " + Name(known->first_seen_at));
  }
}

}  // namespace metasrv::sim
