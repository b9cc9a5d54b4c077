#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/strong.h"
#include "consensus/membership.h"

namespace metasrv {

// Numbers the writes that consensus asks for, from 1 upwards; 0 means "nothing to wait for".
using PersistSeq = Strong<struct PersistSeqTag>;
// Names a request of this node's client (proposal, membership change or read) until it is answered. Chosen by the
// caller, unique within one incarnation of the node.
using RequestId = Strong<struct RequestIdTag>;

// How a node's disk keeps up, as its driver measures it. Ordered: a higher level is worse.
enum class DiskLevel : std::uint8_t {
  kOk,
  kSlow,     // slow enough to endanger the leader's promises: better not lead
  kStalled,  // a write has not completed for long: must not lead
};

enum class EntryKind : std::uint8_t { kBlank, kNormal, kMembership };

// One log entry. Payloads and memberships are shared, so copies are cheap. Consensus never looks into a payload.
struct Entry {
  LogId id;
  EntryKind kind = EntryKind::kBlank;
  std::shared_ptr<const std::string> payload;    // kNormal only
  std::shared_ptr<const Membership> membership;  // kMembership only

  [[nodiscard]] static Entry Blank(LogId id);
  [[nodiscard]] static Entry Normal(LogId id, std::string payload);
  [[nodiscard]] static Entry OfMembership(LogId id, Membership membership);

  // What the entry counts against byte limits.
  [[nodiscard]] std::size_t ByteSize() const;

  friend bool operator==(const Entry& a, const Entry& b);
};

// What a node must never forget before it answers (thesis §3.8).
struct HardState {
  Term term;
  std::optional<NodeId> voted_for;  // in `term`; the leader of `term` once that is known
  // The node has seen the leader of `term` established; `voted_for` then names it (docs/decisions/0004).
  bool leader_established = false;

  friend bool operator==(const HardState&, const HardState&) = default;
};

// The point of history that a state snapshot stands for.
struct SnapshotMeta {
  std::optional<LogId> last;           // last entry the state contains; none for the empty state
  std::optional<LogId> membership_id;  // entry that `membership` came from
  Membership membership;               // effective at `last`

  friend bool operator==(const SnapshotMeta&, const SnapshotMeta&) = default;
};

}  // namespace metasrv
