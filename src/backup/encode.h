#pragma once

#include <string>
#include <string_view>

#include "backup/json_write.h"
#include "backup/record.h"

namespace metasrv::backup {

// The canonical text of one line without "\n" (export-format.md §4), appended to `out`. Requires: not an IgnoredLine;
// the payload of a normal entry parses as pb::Command.
void AppendLine(const Record& record, std::string* out);

// Shared shapes (export-format.md §3), also used by the JSON payloads of the API and the admin pages.
void WriteLogId(JsonWriter& w, const LogId& id);
void WriteVote(JsonWriter& w, const Vote& vote);
void WriteNode(JsonWriter& w, const meta::Node& node);
void WriteMembership(JsonWriter& w, const meta::Membership& membership);
void WriteMembership(JsonWriter& w, const Membership& membership);
void WriteStoredMembership(JsonWriter& w, const pb::StoredMembership& membership);
// The native form of a record: absent members of its meta are omitted.
void WriteSeqV(JsonWriter& w, const meta::SeqV& record);

// Commands (export-format.md §6.1, §7, §8).
// `{["time_ms":..],"cmd":..}`
void WriteCommand(JsonWriter& w, const pb::Command& command);
// `{"<variant>":..}`
void WriteCmd(JsonWriter& w, const pb::Command& command);
void WriteUpsert(JsonWriter& w, const pb::UpsertKv& upsert);
void WriteTxn(JsonWriter& w, const meta::TxnRequest& txn);
void WriteKvTxn(JsonWriter& w, const pb::KvTxn& txn);

// One value as a string of its own.
[[nodiscard]] std::string ToJson(const LogId& id);
[[nodiscard]] std::string ToJson(const meta::Node& node);
[[nodiscard]] std::string ToJson(const meta::SeqV& record);

}  // namespace metasrv::backup
