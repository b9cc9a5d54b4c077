#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/ids.h"

namespace metasrv::sm {

// How the state is laid out as rows of a Store. The first byte names the table:
//   'k' key                          -> meta.SeqV         user records (GenericKV)
//   'e' time_ms (be64) seq (be64)    -> pb.ExpireValue    expiry index (Expire)
//   'n' node id (be64)               -> meta.Node         node table (Nodes)
//   'f' name                         -> ""                enabled features
//   'r' request id                   -> pb.KnownRequest   writes that were named (dedup.h); not part of a backup
//   'q' place (be64)                 -> pb.RequestPlace   the same, oldest first; not part of a backup
//   's' "applied"                    -> meta.LogId        LastApplied
//   's' "membership"                 -> pb.StoredMembership  LastMembership
//   's' "seq"                        -> decimal text      Sequences
//   's' "time"                       -> decimal text      newest time of an applied entry, ms; not part of a backup
//   's' "hash"                       -> decimal text      the state hash (state_hash.h); not part of a backup
//   's' "requests"                   -> pb.RequestPlaces  the places in use; not part of a backup
//   's' "quarantined"                -> text              this node's state is wrong, and why; not replicated
inline constexpr char kRecordTable = 'k';
inline constexpr char kExpireTable = 'e';
inline constexpr char kNodeTable = 'n';
inline constexpr char kFeatureTable = 'f';
inline constexpr char kRequestTable = 'r';
inline constexpr char kRequestPlaceTable = 'q';
inline constexpr std::string_view kLastAppliedRow = "sapplied";
inline constexpr std::string_view kLastMembershipRow = "smembership";
inline constexpr std::string_view kLastSeqRow = "sseq";
inline constexpr std::string_view kLogTimeRow = "stime";
inline constexpr std::string_view kStateHashRow = "shash";
inline constexpr std::string_view kRequestPlacesRow = "srequests";
inline constexpr std::string_view kQuarantinedRow = "squarantined";

[[nodiscard]] std::string RecordRow(std::string_view key);
[[nodiscard]] std::string_view KeyOfRecordRow(std::string_view row);
[[nodiscard]] std::string ExpireRow(std::uint64_t time_ms, std::uint64_t seq);
[[nodiscard]] std::pair<std::uint64_t, std::uint64_t> TimeAndSeqOfExpireRow(std::string_view row);
[[nodiscard]] std::string NodeRow(NodeId id);
[[nodiscard]] NodeId IdOfNodeRow(std::string_view row);
[[nodiscard]] std::string FeatureRow(std::string_view name);
[[nodiscard]] std::string RequestRow(std::string_view request_id);
[[nodiscard]] std::string RequestPlaceRow(std::uint64_t place);

// The smallest row that is greater than every row starting with `prefix`; empty when there is none.
[[nodiscard]] std::string PrefixEnd(std::string_view prefix);

// Expiry in milliseconds of a raw `expire_at` number (kv-semantics.md §4.1).
[[nodiscard]] std::uint64_t ExpireMillis(std::uint64_t expire_at);

}  // namespace metasrv::sm
