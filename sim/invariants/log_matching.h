#pragma once

#include <optional>
#include <vector>

#include "consensus/types.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kLogMatching = {
    "log matching",
    "Two entries with the same index and term hold the same command, and so do all entries before them.",
    "Ongaro's thesis, figure 3.2"};

// Every entry that any node was ever asked to store, with the term of the entry before it. If (index, term) always has
// the same content and the same predecessor, then by induction whole prefixes agree; so one look per stored entry is
// enough.
class LogMatching {
 public:
  explicit LogMatching(Verdict& verdict) : verdict_(verdict) {}

  // `node` stores `entry` right after an entry of term `before`; none: the entry starts the log, or a crash took what
  // was known about the one before.
  void OnStored(NodeId node, std::optional<Term> before, const Entry& entry);

  struct Known {
    Entry entry;
    std::optional<Term> before;
    NodeId first_seen_at;
  };
  [[nodiscard]] const Known* Find(Term term, LogIndex index) const;

 private:
  Verdict& verdict_;
  std::vector<std::vector<Known>> by_index_;  // few terms ever write one index
};

}  // namespace metasrv::sim
