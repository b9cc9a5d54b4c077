#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "common/strong.h"

namespace metasrv {

using NodeId = Strong<struct NodeIdTag>;
using Term = Strong<struct TermTag>;

// Names one data directory of a node: drawn at random when the directory is first used, stored in it, never changed.
// 0: not known. See consensus/identity.h.
using Incarnation = Strong<struct IncarnationTag>;
// Names a cluster: drawn at random by the leader that first writes it down. 0: not known.
using ClusterId = Strong<struct ClusterIdTag>;

// Sequence number of a record in the key-value store; 0 means "absent" (kv-semantics.md §5).
using Seq = Strong<struct SeqTag>;

// Position in the Raft log. The first entry of a log has index 0, as in the backup format.
class LogIndex {
 public:
  constexpr LogIndex() = default;
  constexpr explicit LogIndex(std::uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr LogIndex Next() const { return LogIndex(value_ + 1); }
  // Requires: not the first index of a log.
  [[nodiscard]] constexpr LogIndex Prev() const { return LogIndex(value_ - 1); }

  friend constexpr auto operator<=>(LogIndex, LogIndex) = default;

 private:
  std::uint64_t value_ = 0;
};

// Identifies one entry of one history. There is one leader per term, so (term, index) decides the order;
// the leader's node id is carried for the backup format only (export-format.md §3).
struct LogId {
  Term term;
  NodeId leader;
  LogIndex index;

  friend constexpr bool operator==(const LogId& a, const LogId& b) { return a.term == b.term && a.index == b.index; }
  friend constexpr std::strong_ordering operator<=>(const LogId& a, const LogId& b) {
    if (auto order = a.term <=> b.term; order != 0) return order;
    return a.index <=> b.index;
  }
};

// "T<term>-N<node>.<index>", the text form of grpc-api.md §8.1.
[[nodiscard]] std::string ToString(const LogId& id);

// Where a node's raft port is reached: a host name or address, and a port.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// "host:port".
[[nodiscard]] std::string ToString(const Endpoint& endpoint);

}  // namespace metasrv
