#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/ids.h"
#include "common/time.h"
#include "node/client_api.h"
#include "sim/history.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kAnsweredOnce = {"answered once",
                                           "Every accepted request is answered exactly once while its node lives.",
                                           "docs/ARCHITECTURE.md, walk 1"};
inline constexpr Property kAckedIsApplied = {"acknowledged means applied",
                                             "A write that was acknowledged is in the shared history, once.",
                                             "docs/ARCHITECTURE.md, walk 1"};
inline constexpr Property kAppliedOnce = {"applied at most once", "No client write enters the log twice.",
                                          "kv-semantics.md §12"};
inline constexpr Property kReplyIsHistory = {
    "answers are the history's",
    "The answer of an acknowledged write is what its entry answers at its place in the log.", "docs/SIMULATION.md"};
inline constexpr Property kFailedIsAbsent = {
    "definite failures have no effect", "A write that was answered \"definitely not applied\" is never in the log.",
    "docs/ARCHITECTURE.md, walk 1"};
inline constexpr Property kRealTimeOrder = {"strict serializability",
                                            "An operation that finished before another began comes before it in the "
                                            "log; a read sees everything finished before it "
                                            "began.",
                                            "Herlihy and Wing 1990; docs/SIMULATION.md"};
inline constexpr Property kReadFresh = {
    "reads are confirmed",
    "A read covers every entry that any leader had committed when the read was asked for (what ReadIndex promises).",
    "Ongaro's thesis, §6.4"};
inline constexpr Property kReadValue = {
    "reads show the history", "A read returns exactly the records that the log gives at the index it was served at.",
    "kv-semantics.md §10"};

inline constexpr Property kNamedOnce = {
    "a named write takes effect once",
    "Of all entries with one request id only the first changes anything, and all answer what it answers.",
    "docs/decisions/0020"};

// What a client saw in one read.
struct ReadSeen {
  LogIndex applied_end;
  WallMillis now;
  std::optional<LogId> last_applied;  // as the view's own rows say
  std::vector<std::pair<std::string, std::optional<meta::SeqV>>> gets;
  struct List {
    std::string prefix;
    std::uint64_t limit = 0;  // that was asked for; 0: none
    std::vector<std::pair<std::string, meta::SeqV>> items;
  };
  std::vector<List> lists;
};

// Judges what clients are told. Exact, not searched for: every write knows its place in the log and every read the
// place it was served at, so the history only has to be strictly serializable in log order. O(1) per operation besides
// the lookups.
class Oracle {
 public:
  using Token = std::uint64_t;  // names an operation; from 1 upwards

  Oracle(const History& history, Verdict& verdict) : history_(history), verdict_(verdict) {}

  // The first `count` tokens belong to operations of a cluster that is gone. Its backup may hold their entries; nothing
  // is known of how they end. Once, before anything else.
  void StartAfter(std::uint64_t count);
  [[nodiscard]] std::uint64_t begun() const { return operations_.size(); }

  // A client asks for something. `committed_end`: entries that some leader has committed by now.
  Token Begin(bool write, LogIndex committed_end);
  // A client names a write by the first attempt, which is `first` itself, or tries it again under that name. Each
  // attempt is an operation of its own.
  void Name(Token attempt, Token first);
  // Entry `index` of the shared history carries the write `token`.
  void OnEntry(Token token, LogIndex index);
  // `trusted`: the answer is the history's; otherwise only its place in the history is judged.
  void OnWriteDone(Token token, const node::WriteResult& result, bool trusted = true);
  void OnReadDone(Token token, const ReadSeen& seen);
  // The read was refused; that proves nothing.
  void OnReadFailed(Token token);
  // The node that worked on the operation is gone: nothing will ever be answered.
  void OnAbandoned(Token token);
  // The operation was never answered although its node lived on for long.
  void OnOverdue(Token token);

  struct Counts {
    std::uint64_t acked = 0;
    std::uint64_t failed = 0;
    std::uint64_t unknown = 0;          // answered "unknown" or never
    std::uint64_t unknown_applied = 0;  // of those, the ones whose entry was applied
    std::uint64_t reads = 0;
    std::uint64_t reads_failed = 0;
    std::uint64_t repeats_applied = 0;  // entries of named writes that had taken effect before
  };
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] bool Pending(Token token) const { return operations_[token - 1].state == State::kPending; }

 private:
  enum class State : std::uint8_t { kPending, kAcked, kFailed, kUnknown, kRead, kReadFailed };
  struct Operation {
    bool write = false;
    State state = State::kPending;
    LogIndex floor;          // entries that finished operations stood for when this one began
    LogIndex committed_end;  // at the same moment
    std::optional<LogIndex> entry;
    Token first = 0;                 // of a named write: its first attempt
    std::optional<LogIndex> effect;  // of the first attempt: where any of them took effect
  };

  Operation& At(Token token) { return operations_[token - 1]; }
  // Ends the operation, once.
  bool Finish(Token token, State state);
  void OnNamedEntry(Token token, LogIndex index);
  void OnAcked(Token token, const node::WriteResult& result, bool trusted);
  void CheckGets(Token token, const ReadSeen& seen);
  void CheckList(Token token, const ReadSeen& seen, const ReadSeen::List& list);

  const History& history_;
  Verdict& verdict_;
  std::vector<Operation> operations_;
  std::uint64_t repeats_applied_ = 0;
  LogIndex finished_end_;  // entries that finished operations stand for
};

}  // namespace metasrv::sim
