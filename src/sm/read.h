#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/time.h"
#include "log.pb.h"
#include "meta.pb.h"
#include "sm/store.h"

namespace metasrv::sm {

// Reads of one frozen state (kv-semantics.md §10). `now` hides records whose expiry is smaller; the whole request uses
// one.

// The record of `key`, unless absent or expired.
[[nodiscard]] std::optional<meta::SeqV> GetRecord(const Reader& state, std::string_view key, WallMillis now);

// Walks the visible records whose key starts with `prefix`, or those with key <= k < key_end, in key order; holds one
// row at a time.
class PrefixScan {
 public:
  // `state` must outlive the scan.
  PrefixScan(const Reader& state, std::string_view prefix, WallMillis now);
  // A `now` of 0 hides nothing, as the initial flush of a watch wants it (kv-semantics.md §4.3).
  PrefixScan(const Reader& state, std::string_view key, std::string_view key_end, WallMillis now);
  ~PrefixScan();
  // The next visible record, or none at the end.
  [[nodiscard]] std::optional<meta::StreamItem> Next();

 private:
  std::unique_ptr<Iterator> rows_;
  WallMillis now_;
};

// The whole-state scalars, as stored.
[[nodiscard]] std::optional<LogId> ReadLastApplied(const Reader& state);
[[nodiscard]] pb::StoredMembership ReadLastMembership(const Reader& state);
[[nodiscard]] std::uint64_t ReadLastSeq(const Reader& state);
[[nodiscard]] WallMillis ReadLogTime(const Reader& state);
[[nodiscard]] std::map<NodeId, meta::Node> ReadNodes(const Reader& state);
[[nodiscard]] std::vector<std::string> ReadFeatures(const Reader& state);

// Why this state is known to be wrong; none: it is not.
[[nodiscard]] std::optional<std::string> ReadQuarantine(const Reader& state);

// A hash of every row in order: equal states have equal hashes, on every replica and every implementation of Reader.
[[nodiscard]] std::uint64_t HashState(const Reader& state);

}  // namespace metasrv::sm
