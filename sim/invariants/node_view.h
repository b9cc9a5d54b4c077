#pragma once

#include <cstdint>
#include <string>

#include "consensus/log.h"
#include "consensus/membership.h"
#include "consensus/raft.h"

namespace metasrv::sim {

// What the judges look at of one running node after an event that touched it. Borrowed; not kept beyond the call.
struct NodeView {
  NodeId id;
  std::uint32_t incarnation = 0;
  RoleName role{};
  HardState hard_state;
  LogIndex commit_end;
  LogIndex applied_end;
  const Log* log = nullptr;
  const Membership* membership = nullptr;  // effective
};

// Text for reports: "node 3".
[[nodiscard]] inline std::string Name(NodeId id) { return "node " + std::to_string(id.value()); }

// The entry `index` of `log` is the one of `term`, or is covered by what was purged.
[[nodiscard]] inline bool Holds(const Log& log, LogIndex index, Term term) {
  if (log.purged() && index < log.purged()->index) return true;
  const auto id = log.IdAt(index);
  return id && id->term == term;
}

}  // namespace metasrv::sim
