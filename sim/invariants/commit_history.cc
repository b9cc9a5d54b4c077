#include "sim/invariants/commit_history.h"

#include <algorithm>

#include "common/check.h"

namespace metasrv::sim {

LogIndex CommitHistory::EndBefore(Term term) const {
  LogIndex end;
  for (const Rise& rise : rises_) {
    if (rise.by < term) end = std::max(end, rise.end);
  }
  return end;
}

void CommitHistory::StartWith(std::vector<Term> terms) {
  CHECK(terms_.empty());
  terms_ = std::move(terms);
  if (!terms_.empty()) rises_.push_back({end(), terms_.back()});
}

void CommitHistory::Extend(LogIndex end, Term by, const Log& log) {
  CHECK_LT(this->end().value(), end.value());
  for (LogIndex index = this->end(); index < end; index = index.Next()) {
    const auto id = log.IdAt(index);
    terms_.push_back(id ? id->term : log.purged().value_or(LogId{}).term);
  }
  if (!rises_.empty() && rises_.back().by == by) {
    rises_.back().end = end;
  } else {
    rises_.push_back({end, by});
  }
}

}  // namespace metasrv::sim
