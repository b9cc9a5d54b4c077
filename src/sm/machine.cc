#include "sm/machine.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/check.h"
#include "sm/cluster_commands.h"
#include "sm/expire.h"
#include "sm/layout.h"
#include "sm/overlay.h"
#include "sm/read.h"
#include "sm/row_codec.h"
#include "sm/state_hash.h"
#include "sm/txn.h"
#include "sm/upsert.h"

namespace metasrv::sm {
namespace {

void RunCommand(const EntryContext& entry, const pb::Command& command, pb::AppliedState& reply) {
  switch (command.cmd_case()) {
    case pb::Command::kUpsertKv: return RunUpsert(entry, command.upsert_kv(), *reply.mutable_kv());
    case pb::Command::kTransaction: return RunTransaction(entry, command.transaction(), *reply.mutable_transaction());
    case pb::Command::kKvTransaction:
      return RunKvTransaction(entry, command.kv_transaction(), *reply.mutable_kv_transaction());
    case pb::Command::kAddNode: return RunAddNode(entry.state, command.add_node(), *reply.mutable_node());
    case pb::Command::kRemoveNode: return RunRemoveNode(entry.state, command.remove_node(), *reply.mutable_node());
    case pb::Command::kSetFeature: return RunSetFeature(entry.state, command.set_feature());
    case pb::Command::CMD_NOT_SET: break;
  }
  // Skipping it would let replicas that know the command diverge from this one.
  CheckFailed(__FILE__, __LINE__, "command.cmd_case()", "an unknown command was replicated");
}

// Requires: a normal entry. `log_time_ms`: see Machine::log_time(), of everything up to this entry.
void ApplyCommand(const EntryContext& entry, const pb::Command& command, std::uint64_t log_time_ms,
                  KnownRequests& known_requests, pb::AppliedState& reply) {
  SweepExpired(entry);
  known_requests.Forget(entry.state, log_time_ms);
  if (command.request_id().empty()) return RunCommand(entry, command, reply);
  if (auto first = known_requests.Find(entry.state, command.request_id(), log_time_ms)) {
    reply = std::move(*first);
    return;
  }
  RunCommand(entry, command, reply);
  known_requests.Remember(entry.state, command.request_id(), log_time_ms, reply);
}

}  // namespace

Machine::Machine(Store& store) : store_(store) { Reload(); }

void Machine::Reload() {
  last_applied_ = ReadLastApplied(store_);
  last_membership_ = ReadLastMembership(store_);
  last_seq_ = ReadLastSeq(store_);
  log_time_ms_ = ReadLogTime(store_).value();
  stored_hash_ = ReadStateHash(store_);
  state_hash_ = stored_hash_ ? *stored_hash_ : ComputeStateHash(store_);
  known_requests_.Load(store_);
  expire_floor_ms_ = 0;
}

bool Machine::MarkQuarantined(const std::string& reason) {
  WriteBatch batch;
  batch.Put(std::string(kQuarantinedRow), reason);
  return store_.Write(std::move(batch));
}

std::optional<std::vector<Applied>> Machine::Apply(std::span<const LogEntry> entries) {
  std::vector<Applied> results;
  if (entries.empty()) return results;
  results.reserve(entries.size());
  Overlay state(store_, last_seq_, expire_floor_ms_);
  pb::Command command;  // keeps its memory between entries
  bool membership_changed = false;
  const std::uint64_t time_before = log_time_ms_;
  for (const LogEntry& entry : entries) {
    if (last_applied_.has_value()) CHECK_EQ(entry.id.index, last_applied_->index.Next());
    last_applied_ = entry.id;
    Applied& applied = results.emplace_back();
    applied.id = entry.id;
    if (entry.membership != nullptr) {
      *last_membership_.mutable_log_id() = ToProto(entry.id);
      *last_membership_.mutable_membership() = *entry.membership;
      last_membership_.clear_identity();
      if (entry.identity != nullptr) *last_membership_.mutable_identity() = *entry.identity;
      membership_changed = true;
    } else if (!entry.command.empty()) {
      CHECK(ParseCommand(entry.command, command));
      log_time_ms_ = std::max<std::uint64_t>(log_time_ms_, command.time_ms());
      ApplyCommand({state, command.time_ms(), applied.changes}, command, log_time_ms_, known_requests_, applied.reply);
    }
  }
  const bool seq_changed = state.last_seq() != last_seq_;
  state_hash_ += SeqHash(state.last_seq()) - SeqHash(last_seq_);
  last_seq_ = state.last_seq();
  expire_floor_ms_ = state.expire_floor_ms();
  WriteBatch batch = state.TakeChanges(state_hash_);
  batch.Put(std::string(kLastAppliedRow), ToProto(*last_applied_).SerializeAsString());
  if (membership_changed) batch.Put(std::string(kLastMembershipRow), last_membership_.SerializeAsString());
  if (seq_changed) batch.Put(std::string(kLastSeqRow), std::to_string(last_seq_));
  if (log_time_ms_ != time_before) batch.Put(std::string(kLogTimeRow), std::to_string(log_time_ms_));
  if (stored_hash_ != state_hash_) batch.Put(std::string(kStateHashRow), std::to_string(state_hash_));
  stored_hash_ = state_hash_;
  if (!store_.Write(std::move(batch))) return std::nullopt;
  return results;
}

}  // namespace metasrv::sm
