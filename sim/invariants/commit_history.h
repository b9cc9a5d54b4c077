#pragma once

#include <optional>
#include <vector>

#include "common/ids.h"
#include "consensus/log.h"

namespace metasrv::sim {

// The entries that some leader has declared committed, in log order, and in which term that happened. Grows only.
class CommitHistory {
 public:
  [[nodiscard]] LogIndex end() const { return LogIndex(terms_.size()); }
  // Requires: index < end().
  [[nodiscard]] Term TermAt(LogIndex index) const { return terms_[index.value()]; }
  // The number of entries that leaders of terms smaller than `term` committed.
  [[nodiscard]] LogIndex EndBefore(Term term) const;

  // A cluster begins with entries that earlier leaders have committed; `terms` by index, of which the last one is by
  // its leader. Requires: nothing is committed yet.
  void StartWith(std::vector<Term> terms);

  // The leader of `by` committed everything before `end`. Entries that its log has already purged take the term of the
  // purged one. Requires: end > this->end().
  void Extend(LogIndex end, Term by, const Log& log);

 private:
  struct Rise {
    LogIndex end;
    Term by;
  };
  std::vector<Term> terms_;  // by index
  std::vector<Rise> rises_;
};

}  // namespace metasrv::sim
