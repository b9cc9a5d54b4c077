#pragma once

#include <string>
#include <vector>

#include "consensus/log.h"
#include "sim/disk_ledger.h"
#include "sim/invariants/node_view.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline LogId Id(std::uint64_t term, std::uint64_t index) { return {Term(term), NodeId(1), LogIndex(index)}; }

// Entries from index `first` on, one per term given.
inline std::vector<Entry> Blanks(const std::vector<std::uint64_t>& terms, std::uint64_t first = 0) {
  std::vector<Entry> entries;
  for (const std::uint64_t term : terms) entries.push_back(Entry::Blank(Id(term, first + entries.size())));
  return entries;
}

inline Log LogOf(const std::vector<std::uint64_t>& terms) { return Log(std::nullopt, Blanks(terms)); }

inline io::LogBatch AppendOf(const std::vector<std::uint64_t>& terms, std::uint64_t first = 0) {
  io::LogBatch batch;
  batch.append = Blanks(terms, first);
  return batch;
}

inline io::LogBatch VoteOf(std::uint64_t term, std::optional<std::uint64_t> vote, bool established = false) {
  io::LogBatch batch;
  batch.hard_state = HardState{Term(term), vote ? std::optional(NodeId(*vote)) : std::nullopt, established};
  return batch;
}

// A disk on which everything in `batches` is durable.
inline DiskLedger DiskOf(const std::vector<io::LogBatch>& batches) {
  DiskLedger disk;
  for (const io::LogBatch& batch : batches) {
    disk.Issue(batch);
    disk.Complete();
  }
  return disk;
}

inline NodeView ViewOf(std::uint64_t id, RoleName role, std::uint64_t term, std::uint64_t commit_end, const Log& log) {
  NodeView view;
  view.id = NodeId(id);
  view.incarnation = 1;
  view.role = role;
  view.hard_state.term = Term(term);
  view.commit_end = LogIndex(commit_end);
  view.log = &log;
  return view;
}

// The name of the property that was found broken, or "" for none.
inline std::string Broken(const Verdict& verdict) { return verdict.failed() ? verdict.failure()->property.name : ""; }

}  // namespace metasrv::sim
