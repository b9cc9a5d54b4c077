#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "io/log_store.h"

namespace metasrv::io {

// What a log store holds at one point of its history, as plain values.
struct LogImage {
  std::optional<NodeId> node_id;
  std::optional<HardState> hard_state;
  std::optional<LogId> committed;
  std::optional<LogId> purged;
  std::deque<Entry> entries;  // contiguous, ascending
  std::optional<Incarnation> incarnation = std::nullopt;

  // Requires: the batch fits (appended entries follow the last one that is left).
  void Apply(const LogBatch& batch);

  // One more than the last index; `purged` + 1 or 0 for a log without entries.
  [[nodiscard]] LogIndex end() const;
  // The last entry, or `purged`, or nothing.
  [[nodiscard]] std::optional<LogId> last() const;
  // Null when there is no such entry. Valid until the next Apply.
  [[nodiscard]] const Entry* Find(LogIndex index) const;
  [[nodiscard]] LogContents ToContents() const;
};

// Covers everything in the batch, payloads included; the checksum of its record.
[[nodiscard]] std::uint64_t ChecksumOf(const LogBatch& batch);
// Covers hard state, ids and sizes only; cheap, for digests.
[[nodiscard]] std::uint64_t DigestOf(const LogBatch& batch);

}  // namespace metasrv::io
