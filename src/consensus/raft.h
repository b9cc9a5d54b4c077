#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/prng.h"
#include "common/time.h"
#include "consensus/input.h"
#include "consensus/log.h"
#include "consensus/options.h"
#include "consensus/output.h"

namespace metasrv {

// What the disk held when the node started. Invariants, established by node/recovery: `log` reaches at least the
// state's last entry; no entry is of a later term than `hard_state`; entries before the log's first are in the state.
struct Recovered {
  HardState hard_state;
  Log log;                         // all of it is durable; the newest entries are in memory
  std::vector<Entry> memberships;  // the membership entries behind the state's last one
  SnapshotMeta state;              // what the durable state machine contains
  Incarnation incarnation{};       // of this disk
};

enum class RoleName : std::uint8_t { kLearner, kFollower, kCandidate, kLeader };

// A copy of what a node's consensus knows, for status, metrics, checks and tests. "end" values are exclusive: the
// number of leading entries they cover.
struct RaftStatus {
  NodeId id;
  RoleName role{};
  HardState hard_state;
  std::optional<NodeId> leader;  // of the current term, if known
  std::optional<LogId> purged;
  std::optional<LogId> last;  // last entry of the log, or the purged one
  LogIndex commit_end;
  LogIndex durable_end;
  std::optional<LogId> commit_id;  // id of entry commit_end - 1
  Membership membership;           // effective: the last one appended
  std::optional<LogId> membership_id;
  std::map<NodeId, std::optional<LogId>> replication;  // leader only: matched position of every member, itself included
  NodeSet reachable;  // leader only: members heard within the last heartbeat intervals, itself included
};

[[nodiscard]] const char* ToString(RoleName role);

class RaftCore;

// Raft for one group, as a pure state machine: time and events go in, what must be stored, sent, applied and answered
// comes out. No I/O, clock, thread or randomness but the generator it is handed; never blocks, never fails. A value: a
// copy is an independent node with the same future. Not thread-safe.
//
//   Output out = raft.Step(clock.Now(), input);
//   store.Write(out.persist, [seq] { Step(Persisted{seq}) });
//   send each of out.messages, now or once its `after` is durable;
//   apply(out.committed); answer(out.proposed, out.reads, out.membership_done);
//   wait for input, at most until raft.next_deadline().
//
// Sources: Ongaro's thesis (sections named at each handler); the choices that it leaves open are in docs/decisions/.
class Raft {
 public:
  // Requires: options.Validate(); `recovered` keeps the invariants stated at its type.
  Raft(const RaftOptions& options, Recovered recovered, Instant now, Prng prng);
  ~Raft();
  Raft(const Raft& other);
  Raft& operator=(const Raft& other);
  Raft(Raft&&) noexcept;
  Raft& operator=(Raft&&) noexcept;

  // Feeds one event. `now` must not go backwards.
  [[nodiscard]] Output Step(Instant now, Input input);

  // When Tick must be fed at the latest.
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] RaftStatus status() const;

  // The term of entry `index`, if the log still knows it.
  [[nodiscard]] std::optional<Term> TermAt(LogIndex index) const;

  // The internals, read-only: for invariants, exhaustive tests and the export of the log.
  [[nodiscard]] const RaftCore& core() const { return *core_; }

 private:
  std::unique_ptr<RaftCore> core_;
};

}  // namespace metasrv
