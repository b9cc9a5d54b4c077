#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/time.h"
#include "log.pb.h"
#include "meta.pb.h"
#include "sm/dedup.h"
#include "sm/store.h"

namespace metasrv::sm {

// One committed log entry as the state machine sees it. Exactly one of the three: a serialized pb::Command, a
// membership, or neither (blank).
struct LogEntry {
  LogId id;
  std::string_view command;
  const meta::Membership* membership = nullptr;
  const pb::MembershipIdentity* identity = nullptr;  // of the membership; none when it came from a backup
};

// One record's change, as watchers see it (kv-semantics.md §11).
struct Change {
  std::string key;
  std::optional<meta::SeqV> before;
  std::optional<meta::SeqV> after;
};

// What one entry did. For a write that was known already (dedup.h): the reply of the first time. `reply` is unset for
// blank and membership entries and for SetFeature.
struct Applied {
  LogId id;
  pb::AppliedState reply;
  std::vector<Change> changes;
};

// The replicated state machine (kv-semantics.md §1-§9): a pure function of (state, entry). Time comes from the entries
// only.
class Machine {
 public:
  // `store` must outlive the machine; the machine is its only writer.
  explicit Machine(Store& store);

  // Applies entries in log order and writes one atomic batch that includes the last applied id. Visible when it
  // returns. Requires: each entry's index is one more than the last applied one (any index for the first ever applied).
  // Errors: none when the disk failed; the node must stop.
  [[nodiscard]] std::optional<std::vector<Applied>> Apply(std::span<const LogEntry> entries);

  [[nodiscard]] std::optional<LogId> last_applied() const { return last_applied_; }
  [[nodiscard]] const pb::StoredMembership& last_membership() const { return last_membership_; }
  [[nodiscard]] Seq last_seq() const { return Seq(last_seq_); }
  // No applied entry carries a later time.
  [[nodiscard]] WallMillis log_time() const { return WallMillis(log_time_ms_); }

  // The state hash (state_hash.h), as of the last applied entry. Stored in the same batch as what it stands for.
  [[nodiscard]] std::uint64_t state_hash() const { return state_hash_; }

  // Marks the state as wrong, and why (layout.h). A replaced state is not marked any more.
  // Errors: false when the disk failed; the node must stop.
  [[nodiscard]] bool MarkQuarantined(const std::string& reason);

  // Reads the cached scalars again, after the store was replaced by an installed snapshot.
  void Reload();

 private:
  Store& store_;
  std::optional<LogId> last_applied_;
  pb::StoredMembership last_membership_;
  std::uint64_t last_seq_ = 0;
  std::uint64_t log_time_ms_ = 0;
  std::uint64_t state_hash_ = 0;
  std::optional<std::uint64_t> stored_hash_;
  KnownRequests known_requests_;
  std::uint64_t expire_floor_ms_ = 0;  // no row of the expiry index is smaller; saves looking for nothing
};

}  // namespace metasrv::sm
