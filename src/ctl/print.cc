#include "ctl/print.h"

#include <map>
#include <string_view>

#include "backup/encode.h"
#include "common/utf8.h"
#include "ctl/time_text.h"

namespace metasrv::ctl {
namespace {

void Line(std::string* out, std::string_view name, const std::string& value) {
  out->append(name).append(": ").append(value).push_back('\n');
}

void Line(std::string* out, std::string_view name, std::uint64_t value) { Line(out, name, std::to_string(value)); }

void RaftLogLines(std::string* out, const meta::RaftLogStatus& log) {
  out->append("RaftLog:\n");
  Line(out, "  - CacheItems", log.cache_items());
  Line(out, "  - CacheUsedSize", log.cache_used_size());
  Line(out, "  - WALTotalSize", log.wal_total_size());
  Line(out, "  - WALOpenChunkSize", log.wal_open_chunk_size());
  Line(out, "  - WALOffset", log.wal_offset());
  Line(out, "  - WALClosedChunkCount", log.wal_closed_chunk_count());
  Line(out, "  - WALClosedChunkTotalSize", log.wal_closed_chunk_total_size());
  out->append("  - WALClosedChunkSizes:\n");
  for (const auto& [chunk, bytes] :
       std::map(log.wal_closed_chunk_sizes().begin(), log.wal_closed_chunk_sizes().end())) {
    Line(out, "    - " + chunk, bytes);
  }
}

void ReplicationLines(std::string* out, const meta::ClusterStatus& status) {
  if (status.replication().empty()) return;
  out->append("Replication:\n");
  for (const auto& [id, matched] : std::map(status.replication().begin(), status.replication().end())) {
    const char* lag = matched == status.last_applied() ? "" : " *";
    out->append("  - [" + std::to_string(id) + "] " + matched + lag + "\n");
  }
}

void NodeLines(std::string* out, std::string_view title, const google::protobuf::RepeatedPtrField<std::string>& nodes) {
  if (nodes.empty()) return;
  out->append(title).append(":\n");
  for (const auto& node : nodes) out->append("  - " + node + "\n");
}

std::string Optional(bool present, std::uint64_t value) {
  return present ? "Some(" + std::to_string(value) + ")" : "None";
}

std::string DebugText(bool present, const meta::SeqV& record) {
  if (!present) return "None";
  std::string meta = "None";
  if (record.has_meta()) {
    meta = "Some(KVMeta { expire_at: " + Optional(record.meta().has_expire_at(), record.meta().expire_at()) +
           ", proposed_at_ms: " + Optional(record.meta().has_proposed_at_ms(), record.meta().proposed_at_ms()) + " })";
  }
  return "Some(SeqV { seq: " + std::to_string(record.seq()) + ", meta: " + meta + ", data: \"[binary]\" })";
}

std::string ValueText(const std::string& bytes) {
  if (IsUtf8(bytes)) return "'" + bytes + "'";
  std::string text = "[";
  for (const unsigned char byte : bytes) text += (text.size() > 1 ? ", " : "") + std::to_string(byte);
  return text + "]";
}

std::string WatchedRecord(bool present, const meta::SeqV& record) {
  if (!present) return "None";
  std::string meta;
  if (record.meta().has_expire_at()) {
    meta = "expire=" + UtcText(ExpiryMillis(record.meta().expire_at()));
  }
  if (record.meta().has_proposed_at_ms()) {
    meta += (meta.empty() ? "" : ", ") + ("proposed=" + UtcText(record.meta().proposed_at_ms()));
  }
  return "(seq=" + std::to_string(record.seq()) + " [" + meta + "] " + ValueText(record.data()) + ")";
}

}  // namespace

std::string StatusText(const meta::ClusterStatus& status) {
  std::string out;
  Line(&out, "BinaryVersion", status.binary_version());
  Line(&out, "DataVersion", status.data_version());
  Line(&out, "RaftLogSize", status.raft_log_size());
  if (status.has_raft_log_status()) RaftLogLines(&out, status.raft_log_status());
  Line(&out, "SnapshotKeyCount", status.snapshot_key_count());
  Line(&out, "Node", "id=" + std::to_string(status.id()) + " raft=" + status.endpoint());
  Line(&out, "State", status.state());
  if (status.has_leader()) Line(&out, "Leader", status.leader());
  Line(&out, "CurrentTerm", status.current_term());
  Line(&out, "LastSeq", status.last_seq());
  Line(&out, "LastLogIndex", status.last_log_index());
  Line(&out, "LastApplied", status.last_applied());
  if (status.has_snapshot_last_log_id()) Line(&out, "SnapshotLastLogID", status.snapshot_last_log_id());
  if (status.has_purged()) Line(&out, "Purged", status.purged());
  ReplicationLines(&out, status);
  NodeLines(&out, "Voters", status.voters());
  NodeLines(&out, "NonVoters", status.non_voters());
  return out;
}

std::string UpsertText(const meta::TxnPutResponse& reply) {
  return "upsert-result: None: " + DebugText(reply.has_prev_value(), reply.prev_value()) + " -> " +
         DebugText(reply.has_current(), reply.current()) + "\n";
}

std::string RecordText(const std::optional<meta::SeqV>& record) {
  return DebugText(record.has_value(), record.value_or(meta::SeqV()));
}

std::string GetText(const std::optional<meta::SeqV>& record) {
  return (record ? backup::ToJson(*record) : std::string("null")) + "\n";
}

std::string WatchText(const meta::WatchResponse& event) {
  std::string text = std::string("received-watch-event: ") + (event.is_initialization() ? "INIT:" : "CHANGE:");
  if (!event.has_event()) return text + "None\n";
  const auto& change = event.event();
  return text + "(" + change.key() + ": " + WatchedRecord(change.has_prev(), change.prev()) + " -> " +
         WatchedRecord(change.has_current(), change.current()) + ")\n";
}

}  // namespace metasrv::ctl
