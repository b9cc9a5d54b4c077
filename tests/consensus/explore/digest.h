#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/time.h"
#include "consensus/core.h"

namespace metasrv {

// 128 bits that stand for a value: two values with one digest are taken to be equal.
struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const Digest&, const Digest&) = default;
};

// Condenses everything by which the futures of two nodes can differ, and nothing else, so that an exhaustive search
// recognises a state it has seen.
//
// Complete by construction: every struct and class is taken apart by a structured binding that names all its members.
// A new member breaks the build of digest.cc until somebody decides there whether it belongs to the state. What is left
// out, and why: a node's timers and its generator (the search fires timeouts when it likes and asks for votes only
// after a long silence, so none of them decides anything), options (the same for all), and what a step collects (empty
// between steps). The search tests that decision as it goes (Space::Audit). Write numbers are counted from the newest
// durable one; other instants are seen from the present, and far is far.
class StateDigest {
 public:
  // A digest that sees write numbers and instants as `core` does.
  [[nodiscard]] static StateDigest For(const RaftCore& core) { return {core.durability_.durable_, core.now_}; }

  StateDigest() = default;
  [[nodiscard]] Digest value() const { return value_; }

  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void Add(T number) { Mix(static_cast<std::uint64_t>(number)); }
  template <class Tag>
  void Add(Strong<Tag> number) {
    Mix(number.value());
  }
  template <class T>
  void Add(const std::optional<T>& value) {
    Add(value.has_value());
    if (value) Add(*value);
  }
  template <class T>
  void Add(const std::shared_ptr<T>& value) {
    Add(value != nullptr);
    if (value) Add(*value);
  }
  template <class T>
  void Add(const std::vector<T>& values) {
    AddAll(values);
  }
  template <class T>
  void Add(const std::deque<T>& values) {
    AddAll(values);
  }
  template <class K, class V>
  void Add(const std::map<K, V>& values) {
    AddAll(values);
  }
  template <class A, class B>
  void Add(const std::pair<A, B>& value) {
    Add(value.first);
    Add(value.second);
  }
  template <class... T>
  void Add(const std::variant<T...>& value) {
    Add(value.index());
    std::visit([this](const auto& held) { Add(held); }, value);
  }
  void Add(const std::string& text);
  void Add(PersistSeq seq);
  void Add(Instant instant);
  void Add(Duration duration) { Mix(static_cast<std::uint64_t>(duration.micros())); }
  void Add(LogIndex index) { Mix(index.value()); }
  void Add(const LogId& id);
  void Add(const Digest& digest);

  // types.h, membership.h
  void Add(const Membership& membership);
  void Add(const RecordedDisk& recorded);
  void Add(const MembershipIdentity& identity);
  void Add(const Entry& entry);
  void Add(const HardState& state);
  void Add(const SnapshotMeta& meta);
  // message.h
  void Add(const VoteRequest& m);
  void Add(const VoteResponse& m);
  void Add(const AppendRequest& m);
  void Add(const AppendResponse& m);
  void Add(const ReadIndexRequest& m);
  void Add(const ReadIndexResponse& m);
  void Add(const TimeoutNow& m);
  // output.h
  void Add(const Persist& write);
  // the parts of a node
  void Add(const Log& log);
  void Add(const Log::Run& run);
  void Add(const Durability& durability);
  void Add(const Durability::Write& write);
  void Add(const MembershipHistory& history);
  void Add(const MembershipHistory::Item& item);
  void Add(const Progress& progress);
  void Add(const Progress::Append& append);
  void Add(const Uncommitted& uncommitted);
  void Add(const Uncommitted::Item& item);
  void Add(const Tracker& tracker);
  void Add(const Tracker::Farewell& farewell);
  void Add(const Votes& votes);
  void Add(const ReadQueue& reads);
  void Add(const ReadQueue::Item& item);
  void Add(const ReadQueue::Sent& sent);
  void Add(const Follower& role);
  void Add(const PreCandidate& role);
  void Add(const Candidate& role);
  void Add(const Leader& role);
  void Add(const NewDisk& disk);
  void Add(const ChangeMembership& request);
  void Add(const Change& change);
  void Add(const ChangeQueue& changes);
  void Add(const CatchUp& catch_up);
  void Add(const Lease& lease);
  void Add(const Lease::Round& round);
  void Add(const RunningTransfer& transfer);
  void Add(const RaftCore& core);

 private:
  StateDigest(PersistSeq durable, Instant now) : durable_(durable), now_(now) {}
  void Mix(std::uint64_t word);
  template <class Range>
  void AddAll(const Range& range) {
    Mix(range.size());
    for (const auto& item : range) Add(item);
  }
  template <class... T>
  void Each(const T&... values) {
    (Add(values), ...);
  }

  PersistSeq durable_;
  Instant now_;
  Digest value_;
};

}  // namespace metasrv
