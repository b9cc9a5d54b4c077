#include "backup/encode.h"
#include "common/check.h"

namespace metasrv::backup {
namespace {

void WriteAddNode(JsonWriter& w, const meta::CmdAddNode& cmd) {
  w.BeginObject();
  w.Member("node_id", cmd.node_id());
  w.Key("node");
  WriteNode(w, cmd.node());
  w.Member("overriding", cmd.overriding());
  w.EndObject();
}

void WriteRemoveNode(JsonWriter& w, const meta::CmdRemoveNode& cmd) {
  w.BeginObject();
  w.Member("node_id", cmd.node_id());
  w.EndObject();
}

void WriteSetFeature(JsonWriter& w, const meta::CmdSetFeature& cmd) {
  w.BeginObject();
  w.Member("feature", cmd.feature());
  w.Member("enable", cmd.enable());
  w.EndObject();
}

void WriteMatchSeq(JsonWriter& w, const pb::MatchSeq& seq) {
  switch (seq.kind_case()) {
    case pb::MatchSeq::kExact: WriteVariant(w, "Exact", [&] { w.U64(seq.exact()); }); break;
    case pb::MatchSeq::kGe: WriteVariant(w, "GE", [&] { w.U64(seq.ge()); }); break;
    default: w.String("Any"); break;
  }
}

void WriteOperation(JsonWriter& w, const pb::Operation& operation) {
  switch (operation.kind_case()) {
    case pb::Operation::kUpdate: WriteVariant(w, "Update", [&] { w.Bytes(operation.update()); }); break;
    case pb::Operation::kDelete: w.String("Delete"); break;
    default: w.String("AsIs"); break;
  }
}

void WriteMetaSpec(JsonWriter& w, const pb::MetaSpec& spec) {
  w.BeginObject();
  w.Member("expire_at", spec.has_expire_at() ? std::optional(spec.expire_at()) : std::nullopt);
  if (spec.has_ttl_ms()) {
    w.Key("ttl");
    w.BeginObject();
    w.Member("millis", spec.ttl_ms());
    w.EndObject();
  }
  w.EndObject();
}

}  // namespace

void WriteUpsert(JsonWriter& w, const pb::UpsertKv& upsert) {
  w.BeginObject();
  w.Member("key", upsert.key());
  w.Key("seq");
  WriteMatchSeq(w, upsert.seq());
  w.Key("value");
  WriteOperation(w, upsert.value());
  w.Key("value_meta");
  upsert.has_value_meta() ? WriteMetaSpec(w, upsert.value_meta()) : w.Null();
  w.EndObject();
}

void WriteCmd(JsonWriter& w, const pb::Command& command) {
  switch (command.cmd_case()) {
    case pb::Command::kAddNode: return WriteVariant(w, "AddNode", [&] { WriteAddNode(w, command.add_node()); });
    case pb::Command::kRemoveNode:
      return WriteVariant(w, "RemoveNode", [&] { WriteRemoveNode(w, command.remove_node()); });
    case pb::Command::kSetFeature:
      return WriteVariant(w, "SetFeature", [&] { WriteSetFeature(w, command.set_feature()); });
    case pb::Command::kUpsertKv: return WriteVariant(w, "UpsertKV", [&] { WriteUpsert(w, command.upsert_kv()); });
    case pb::Command::kTransaction: return WriteVariant(w, "Transaction", [&] { WriteTxn(w, command.transaction()); });
    case pb::Command::kKvTransaction:
      return WriteVariant(w, "KvTransaction", [&] { WriteKvTxn(w, command.kv_transaction()); });
    case pb::Command::CMD_NOT_SET: break;
  }
  CHECK(false);
}

void WriteCommand(JsonWriter& w, const pb::Command& command) {
  w.BeginObject();
  if (command.has_time_ms()) w.Member("time_ms", command.time_ms());
  w.Key("cmd");
  WriteCmd(w, command);
  w.EndObject();
}

}  // namespace metasrv::backup
