#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/ids.h"
#include "meta.pb.h"
#include "sim/model.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kWatchIsHistory = {"a watch is its range's history",
                                             "A watch tells exactly what the entries from its start on changed in its "
                                             "range and its filter passes, in log order, "
                                             "each once and none left out, until it ends.",
                                             "grpc-api.md §7.2, §7.4; kv-semantics.md §11"};
inline constexpr Property kWatchFlush = {
    "the first state of a watch is the state at its start",
    "The initial flush tells every record of the range after the entries before the start, in key order, then its end.",
    "grpc-api.md §7.3"};
inline constexpr Property kWatchReadable = {
    "events come after their change is readable",
    "A watcher that is told of a change finds it in the state of the node that told it.", "spec README, ruling 3"};

// What entries changed, from the reference model.
class WatchReference {
 public:
  virtual ~WatchReference() = default;
  // The number of entries that are known.
  [[nodiscard]] virtual LogIndex end() const = 0;
  // Requires: index < end().
  [[nodiscard]] virtual const std::vector<ModelChange>& ChangesOf(LogIndex index) const = 0;
  // All records after `end` entries, by key.
  [[nodiscard]] virtual std::vector<std::pair<std::string, meta::SeqV>> RecordsAt(LogIndex end) const = 0;
};

// What one watch asked for, and when it began.
struct WatchPlan {
  std::string who;  // for people
  std::string begin;
  std::string end;  // exclusive
  meta::WatchRequest::FilterType filter = meta::WatchRequest::ALL;
  bool flush = false;
  LogIndex start;  // number of entries in the node's state when it began
};

// Judges the messages of one watch, one by one.
class WatchJudge {
 public:
  // Both outlive this.
  WatchJudge(WatchPlan plan, const WatchReference& reference, Verdict& verdict);

  // `readable_end`: number of entries in the state of the node that told it.
  void OnMessage(const meta::WatchResponse& message, LogIndex readable_end);
  // Nothing waits for this watcher any more, it has not ended, and its node has applied so many entries.
  void OnDrained(LogIndex applied_end);

  [[nodiscard]] bool flushing() const { return flushing_; }

 private:
  struct Place {
    LogIndex index;
    std::size_t change = 0;
  };

  void OnFlushed(const meta::WatchResponse& message);
  void OnChange(const meta::Event& event, LogIndex readable_end);
  [[nodiscard]] bool Wanted(const ModelChange& change) const;
  // Moves to the next change that has to be told, before entry `end`; null when there is none.
  [[nodiscard]] const ModelChange* Next(LogIndex end);

  const WatchPlan plan_;
  const WatchReference& reference_;
  Verdict& verdict_;
  bool flushing_;
  std::vector<std::pair<std::string, meta::SeqV>> to_flush_;
  std::size_t flushed_ = 0;
  Place place_;
};

}  // namespace metasrv::sim
