#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "log.pb.h"
#include "meta.pb.h"
#include "sm/machine.h"
#include "sm/overlay.h"

namespace metasrv::sm {

// What the command of one entry works on.
struct EntryContext {
  Overlay& state;
  std::uint64_t time_ms;         // the entry's own time, 0 when it has none
  std::vector<Change>& changes;  // in the order they happen
};

// Which current record an upsert accepts, by its seq; an absent record has seq 0 (kv-semantics.md §5.1).
class Match {
 public:
  [[nodiscard]] static Match Any() { return {0, UINT64_MAX}; }
  [[nodiscard]] static Match Exactly(std::uint64_t seq) { return {seq, seq}; }
  [[nodiscard]] static Match AtLeast(std::uint64_t seq) { return {seq, UINT64_MAX}; }
  [[nodiscard]] bool Holds(std::uint64_t seq) const { return least_ <= seq && seq <= most_; }

 private:
  Match(std::uint64_t least, std::uint64_t most) : least_(least), most_(most) {}
  std::uint64_t least_;
  std::uint64_t most_;
};

// The expiry a request asks for; the time to live wins (§4.2).
struct RequestedExpiry {
  std::optional<std::uint64_t> expire_at;  // seconds or milliseconds by size (§4.1)
  std::optional<std::uint64_t> ttl_ms;
};

// The record before and after an upsert. Both are the untouched record when the match failed.
struct UpsertResult {
  std::optional<meta::SeqV> prev;
  std::optional<meta::SeqV> result;
};

// The one way in which records change on request (§5): matches, takes a seq, stores or removes, notes the change.
UpsertResult UpdateRecord(const EntryContext& entry, std::string_view key, Match match, std::string_view value,
                          const RequestedExpiry& expiry);
UpsertResult DeleteRecord(const EntryContext& entry, std::string_view key, Match match);
// Keeps the data, replaces the meta; never creates a key.
UpsertResult TouchRecord(const EntryContext& entry, std::string_view key, Match match, const RequestedExpiry& expiry);

// Runs the UpsertKV command (§5.4).
void RunUpsert(const EntryContext& entry, const pb::UpsertKv& request, pb::UpsertReply& reply);

}  // namespace metasrv::sm
