#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "consensus/types.h"
#include "log.pb.h"
#include "meta.pb.h"
#include "sm/row_codec.h"

namespace metasrv::backup {

// The lines of a backup as values (export-format.md §4). Lines of the older data versions read as the same types (§5).

// First line. `version` is one of the names that version.h knows; `key` is "header" in every genuine document.
struct HeaderLine {
  std::string key;
  std::string version;
};

struct NodeIdLine {
  std::optional<NodeId> id;
};

// A vote as the backup names it; HardState is the same thing inside a node.
struct Vote {
  Term term;
  NodeId node_id;
  bool committed = false;

  friend bool operator==(const Vote&, const Vote&) = default;
};

struct VoteLine {
  std::optional<Vote> vote;
};

struct CommittedLine {
  std::optional<LogId> id;
};

struct PurgedLine {
  std::optional<LogId> id;
};

// The payload of a normal entry is a serialized pb::Command.
struct EntryLine {
  Entry entry;
};

struct SequencesLine {
  std::uint64_t last_seq = 0;
};

struct LastAppliedLine {
  LogId id;
};

struct LastMembershipLine {
  pb::StoredMembership membership;
};

struct NodeLine {
  NodeId id;
  meta::Node node;
};

struct ExpireLine {
  std::uint64_t time_ms = 0;
  std::uint64_t seq = 0;
  pb::ExpireValue value;
};

struct KvLine {
  std::string key;
  meta::SeqV record;
};

// Read and dropped: StateMachineId (log part), Initialized (state part).
struct IgnoredLine {};

using Record = std::variant<HeaderLine, NodeIdLine, VoteLine, CommittedLine, PurgedLine, EntryLine, SequencesLine,
                            LastAppliedLine, LastMembershipLine, NodeLine, ExpireLine, KvLine, IgnoredLine>;

// Which part of a document an entry belongs to, by its kind.
enum class Part : std::uint8_t { kHeader, kLog, kState };

// One line: the tree it names, the outer variant as written, and what it says.
struct Line {
  std::string tree;
  std::string variant;
  std::size_t entry_column = 1;  // 1-based byte position of the entry in its line
  Part part{};
  Record record;
};

// A log id orders by (term, node id, index) in a backup (export-format.md §3), whereas the product compares (term,
// index).
[[nodiscard]] bool BackupLess(const LogId& a, const LogId& b);

// The two names of one thing. A vote always carries a node id: without one, `self` stands in.
[[nodiscard]] Vote VoteOf(const HardState& state, NodeId self);
[[nodiscard]] HardState HardStateOf(const Vote& vote);

using sm::FromProto;
using sm::ToProto;
[[nodiscard]] Membership FromProto(const meta::Membership& membership);
[[nodiscard]] meta::Membership ToProto(const Membership& membership);

}  // namespace metasrv::backup
