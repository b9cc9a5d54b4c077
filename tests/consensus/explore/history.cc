#include "tests/consensus/explore/history.h"

#include <algorithm>

#include "consensus/print.h"
#include "consensus/quorum.h"

namespace metasrv::test {
namespace {

bool Leads(const Node& node) { return std::holds_alternative<Leader>(node.raft.core().role()); }

// Whether the durable log or state of `node` contains this entry.
bool IsOnDisk(const Node& node, const LogId& id) {
  const Disk& disk = node.disk;
  if (disk.state.last && id.index <= disk.state.last->index) return true;
  if (disk.purged && id.index <= disk.purged->index) return true;
  return std::any_of(disk.log.begin(), disk.log.end(), [&](const Entry& entry) { return entry.id == id; });
}

// The history to write to: a copy, once something changes.
History& Grown(const History& history, std::optional<History>& next) {
  if (!next) next = history;
  return *next;
}

std::optional<std::string> Commit(const History& history, const View& view, const Node& leader, const Node& before,
                                  std::optional<History>& next) {
  const RaftCore& core = leader.raft.core();
  const LogIndex end = core.commit_end();
  if (end.value() <= history.committed.size()) return std::nullopt;
  const Entry& newest = core.log().At(end.Prev());
  if (newest.id.term != core.hard_state().term) return "a leader commits entries of its own term only";
  const auto holds = [&](NodeId id) {
    return std::any_of(view.begin(), view.end(), [&](const Node* node) {
      return node->raft.core().options().id == id && IsOnDisk(*node, newest.id);
    });
  };
  const bool on_quorum =
      HasQuorum(before.raft.core().membership().current(), holds) || HasQuorum(core.membership().current(), holds);
  if (!on_quorum) return "what is committed is durable on a quorum";
  for (std::uint64_t i = history.committed.size(); i < end.value(); ++i) {
    Grown(history, next).committed.push_back({core.log().At(LogIndex(i)), core.hard_state().term});
  }
  return std::nullopt;
}

// What a node believes committed is what is committed.
std::optional<std::string> AgreeOnCommitted(const History& history, const Node& node) {
  const RaftCore& core = node.raft.core();
  if (core.commit_end().value() > history.committed.size()) return "a follower commits what its leader committed";
  for (LogIndex i = core.log().begin(); i < core.commit_end(); i = i.Next()) {
    if (!(history.committed[i.value()].entry == core.log().At(i))) return "state machine safety: commit point";
  }
  return std::nullopt;
}

std::optional<std::string> LeaderComplete(const History& history, const Node& node) {
  const RaftCore& core = node.raft.core();
  if (!Leads(node)) return std::nullopt;
  for (const auto& [entry, by] : history.committed) {
    if (by > core.hard_state().term) continue;
    if (entry.id.index < core.log().begin()) continue;
    if (core.log().IdAt(entry.id.index) != entry.id) {
      return "leader completeness: entry " + Print(std::optional(entry.id)) + " is committed, the leader of term " +
             std::to_string(core.hard_state().term.value()) + " lacks it";
    }
  }
  return std::nullopt;
}

}  // namespace

Digest History::digest() const {
  StateDigest digest;
  digest.Add(leaders);
  digest.Add(reads);
  digest.Add(committed.size());
  for (const auto& [entry, by] : committed) {
    digest.Add(entry);
    digest.Add(by);
  }
  return digest.value();
}

std::optional<std::string> Judge(const History& history, const View& view, std::size_t at, const Node& before,
                                 const Effect& effect, std::optional<History>& next) {
  const Node& node = *view[at];
  const NodeId self = node.raft.core().options().id;
  if (!effect.broken.empty()) return effect.broken.front();
  if (Leads(node)) {
    const Term term = node.raft.core().hard_state().term;
    const auto known = history.leaders.find(term);
    if (known == history.leaders.end()) {
      Grown(history, next).leaders[term] = self;
    } else if (known->second != self) {
      return "election safety: term " + std::to_string(term.value()) + " has two leaders";
    }
  }
  // A leader that commits its own removal stops leading at once (thesis §4.2.2).
  const bool led = Leads(before) && before.raft.core().hard_state().term == node.raft.core().hard_state().term;
  if (led || Leads(node)) {
    if (auto broken = Commit(history, view, node, before, next)) return broken;
  }
  const auto& committed = next ? next->committed : history.committed;
  for (const Entry& entry : effect.applied) {
    const std::uint64_t index = entry.id.index.value();
    if (index >= committed.size() || !(committed[index].entry == entry)) return "state machine safety";
  }
  for (const ReadReady& read : effect.reads) {
    const auto open = history.reads.find(read.id);
    if (open == history.reads.end()) continue;
    if (read.end && *read.end < open->second) return "reads see every write committed before them";
    Grown(history, next).reads.erase(read.id);
  }
  return std::nullopt;
}

std::optional<std::string> JudgeNode(const History& history, const Node& node) {
  if (auto broken = AgreeOnCommitted(history, node)) return broken;
  return LeaderComplete(history, node);
}

bool LogsMatch(const Node& a, const Node& b) {
  const Log& x = a.raft.core().log();
  const Log& y = b.raft.core().log();
  bool must_match = false;
  for (LogIndex i = std::min(x.end(), y.end()); i > std::max(x.begin(), y.begin());) {
    i = i.Prev();
    const bool same_id = x.At(i).id == y.At(i).id;
    if (must_match && !same_id) return false;
    if (same_id && !(x.At(i) == y.At(i))) return false;
    must_match = must_match || same_id;
  }
  return true;
}

}  // namespace metasrv::test
