#pragma once

#include "backup/json_read.h"
#include "backup/record.h"

namespace metasrv::backup {

// Readers of the shapes of export-format.md §3, §6, §7 and §8, current and old. Each fills `out`, which must be empty,
// and returns false after an error. Internal to this directory.

bool ReadLogId(Cursor c, LogId* out);
bool ReadOptionalLogId(Cursor c, std::optional<LogId>* out);
bool ReadOptionalVote(Cursor c, std::optional<Vote>* out);
bool ReadVote(Cursor c, Vote* out);
bool ReadEndpoint(Cursor c, Endpoint* out);
bool ReadNode(Cursor c, meta::Node* out);
bool ReadMembership(Cursor c, Membership* out);
bool ReadStoredMembership(Cursor c, pb::StoredMembership* out);
bool ReadSeqV(Cursor c, meta::SeqV* out);
bool ReadEntry(Cursor c, Entry* out);
// `{["time_ms":..],"cmd":..}`
bool ReadCommand(Cursor c, pb::Command* out);
bool ReadUpsert(Cursor c, pb::UpsertKv* out);
bool ReadTxn(Cursor c, meta::TxnRequest* out);
bool ReadKvTxn(Cursor c, pb::KvTxn* out);

}  // namespace metasrv::backup
