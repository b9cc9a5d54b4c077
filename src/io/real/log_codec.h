#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "consensus/types.h"
#include "io/error.h"

namespace metasrv::io {

// How the log is laid out as rows. The first byte names the table:
//   'b' batch number (be64)  -> LogExtent      one row: the newest batch and what the log holds after it
//   'e' index (be64)         -> head, payload  one row per entry
//   'm' name                 -> scalar         hard state, identity, committed, purged
// Every value starts with a checksum over its key and all of its bytes, so that a row that lands in another row's place
// is as wrong as one with a flipped bit (K8).
inline constexpr char kBatchTable = 'b';
inline constexpr char kEntryTable = 'e';
inline constexpr std::string_view kNodeIdRow = "mnode_id";
inline constexpr std::string_view kIncarnationRow = "mincarnation";
inline constexpr std::string_view kHardStateRow = "mhard_state";
inline constexpr std::string_view kCommittedRow = "mcommitted";
inline constexpr std::string_view kPurgedRow = "mpurged";

// The entries that the log holds: [first, end). `anchored` when something was purged, so that `first` is binding for
// the next entry even if there is none.
struct LogExtent {
  LogIndex first;
  LogIndex end;
  bool anchored = false;

  [[nodiscard]] std::uint64_t Count() const { return end.value() - first.value(); }
  friend bool operator==(const LogExtent&, const LogExtent&) = default;
};

[[nodiscard]] std::string NumberedKey(char table, std::uint64_t number);
// The number behind the table byte; none when `key` has another length.
[[nodiscard]] std::optional<std::uint64_t> NumberOfKey(std::string_view key);

// An entry's value is its head followed by its payload: two parts, so that a payload is never copied to be framed.
[[nodiscard]] std::string EncodeEntryHead(std::string_view key, const Entry& entry);
[[nodiscard]] std::string_view EntryPayload(const Entry& entry);
// Errors: kCorrupt.
[[nodiscard]] std::expected<Entry, Error> DecodeEntry(std::string_view key, std::string_view value);

[[nodiscard]] std::string EncodeNodeId(NodeId id);
[[nodiscard]] std::string EncodeIncarnation(Incarnation incarnation);
[[nodiscard]] std::string EncodeHardState(const HardState& state);
[[nodiscard]] std::string EncodeLogId(std::string_view key, const LogId& id);
[[nodiscard]] std::string EncodeExtent(std::string_view key, const LogExtent& extent);
[[nodiscard]] std::expected<NodeId, Error> DecodeNodeId(std::string_view value);
[[nodiscard]] std::expected<Incarnation, Error> DecodeIncarnation(std::string_view value);
[[nodiscard]] std::expected<HardState, Error> DecodeHardState(std::string_view value);
[[nodiscard]] std::expected<LogId, Error> DecodeLogId(std::string_view key, std::string_view value);
[[nodiscard]] std::expected<LogExtent, Error> DecodeExtent(std::string_view key, std::string_view value);

}  // namespace metasrv::io
