#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consensus/types.h"
#include "sim/invariants/log_matching.h"
#include "sim/invariants/watch_history.h"
#include "sim/model.h"
#include "sim/observed_state_store.h"
#include "sim/verdict.h"
#include "sm/machine.h"
#include "sm/mem_store.h"

namespace metasrv::sim {

inline constexpr Property kModelAgrees = {
    "the state machine follows its specification",
    "Every applied entry answers and changes what the reference model answers and changes.", "kv-semantics.md §1-§9"};

inline constexpr Property kLogTime = {
    "log time never goes back", "No entry carries a smaller time than an entry before it.", "spec README, ruling 3"};

// The one history that all nodes must share: the applied entries in log order, executed once by the reference model and
// once, entry by entry, by a replica of the production state machine that never crashes.
class History : public WatchReference {
 public:
  struct Step {
    LogId id;
    std::uint64_t token = 0;  // of the client operation, 0 for none
    pb::AppliedState reply;
    std::uint64_t effects_hash = 0;  // over reply and changes
    std::uint64_t row_sum = 0;       // over all rows of the state after this entry
    std::size_t writes = 0;          // changes besides records that expired
    std::vector<ModelChange> changes;
  };
  // The record a key had after `end` entries, for the entries that changed it.
  struct Version {
    LogIndex end;
    std::optional<meta::SeqV> record;
  };
  // Told of every new step, in order.
  using Listener = std::function<void(const Step& step)>;
  using TokenOf = std::function<std::uint64_t(const pb::Command&)>;

  // `stored` knows every entry that any node stored; outlives this.
  History(const LogMatching& stored, TokenOf token_of, Verdict& verdict);

  void SetListener(Listener listener) { listener_ = std::move(listener); }

  // The history goes on from a state that was imported: these rows, after the entries up to `applied`. Once, before
  // anything else.
  void StartFrom(const sm::PersistentMap& rows, const std::optional<LogId>& applied);

  // Some node has applied the entries up to and including `last`.
  void AdvanceTo(LogId last);

  // The first entry that is known: the last one of the state that it was started from, or 0.
  [[nodiscard]] LogIndex begin() const { return begin_; }
  // The number of applied entries.
  [[nodiscard]] LogIndex end() const override { return LogIndex(begin_.value() + steps_.size()); }
  // Requires: begin() <= index < end().
  [[nodiscard]] const Step& At(LogIndex index) const { return steps_[index.value() - begin_.value()]; }

  // The record of `key` after `end` entries, expired or not.
  [[nodiscard]] std::optional<meta::SeqV> RecordAt(const std::string& key, LogIndex end) const;
  // All records with `prefix` after `end` entries, by key.
  [[nodiscard]] std::vector<std::pair<std::string, meta::SeqV>> ListAt(const std::string& prefix, LogIndex end) const;
  [[nodiscard]] const std::vector<ModelChange>& ChangesOf(LogIndex index) const override { return At(index).changes; }
  [[nodiscard]] std::vector<std::pair<std::string, meta::SeqV>> RecordsAt(LogIndex end) const override {
    return ListAt("", end);
  }
  // Records that an entry's time removed.
  [[nodiscard]] std::uint64_t expired_count() const { return expired_count_; }
  // Of all rows of the state, keys included.
  [[nodiscard]] std::uint64_t StateBytes() const;
  // Every key that ever had a record, with all its versions.
  [[nodiscard]] const std::map<std::string, std::vector<Version>>& versions() const { return versions_; }

 private:
  void Execute(const Entry& entry);
  void CompareWithModel(const LogId& id, const ModelStep& expected, const sm::Applied& actual);
  void CheckTime(const LogId& id, const pb::Command& command);

  const LogMatching& stored_;
  TokenOf token_of_;
  Verdict& verdict_;
  Listener listener_;
  LogIndex begin_;  // of steps_; more than 0 after StartFrom
  std::vector<Step> steps_;
  std::map<std::string, std::vector<Version>> versions_;
  Model model_;
  sm::MemStore rows_;
  ObservedStateStore replica_store_;
  sm::Machine replica_;
  std::uint64_t log_time_ = 0;
  std::uint64_t expired_count_ = 0;
};

// A hash over the reply and all changes, in order.
[[nodiscard]] std::uint64_t EffectsHash(const sm::Applied& applied);

}  // namespace metasrv::sim
