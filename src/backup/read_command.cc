#include "backup/read_shapes.h"

namespace metasrv::backup {
namespace {

bool ReadAddNode(Cursor c, meta::CmdAddNode* out) {
  return c.Object({Required("node_id", U64([=](auto v) { out->set_node_id(v); })),
                   Required("node", As(ReadNode, out->mutable_node())),
                   Optional("overriding", Bool([=](bool v) { out->set_overriding(v); }))});
}

bool ReadRemoveNode(Cursor c, meta::CmdRemoveNode* out) {
  return c.Object({Required("node_id", U64([=](auto v) { out->set_node_id(v); }))});
}

bool ReadSetFeature(Cursor c, meta::CmdSetFeature* out) {
  return c.Object({Required("feature", String(out->mutable_feature())),
                   Required("enable", Bool([=](bool v) { out->set_enable(v); }))});
}

bool ReadMatchSeq(Cursor c, pb::MatchSeq* out) {
  return c.Variant({Unit("Any",
                         [=](Cursor) {
                           out->mutable_any();
                           return true;
                         }),
                    With("Exact", U64([=](auto v) { out->set_exact(v); })),
                    With("GE", U64([=](auto v) { out->set_ge(v); }))});
}

bool ReadOperation(Cursor c, pb::Operation* out) {
  return c.Variant({With("Update", [=](Cursor bytes) { return bytes.Bytes(out->mutable_update()); }),
                    Unit("Delete",
                         [=](Cursor) {
                           out->mutable_delete_();
                           return true;
                         }),
                    Unit("AsIs", [=](Cursor) {
                      out->mutable_as_is();
                      return true;
                    })});
}

bool ReadMetaSpec(Cursor c, pb::MetaSpec* out) {
  auto ttl = [=](Cursor interval) {
    return interval.Object({Required("millis", U64([=](auto v) { out->set_ttl_ms(v); }))});
  };
  return c.Object({Optional("expire_at", U64([=](auto v) { out->set_expire_at(v); })), Optional("ttl", ttl)});
}

bool ReadCmd(Cursor c, pb::Command* out) {
  return c.Variant({
      With("AddNode", [=](Cursor cmd) { return ReadAddNode(cmd, out->mutable_add_node()); }),
      With("RemoveNode", [=](Cursor cmd) { return ReadRemoveNode(cmd, out->mutable_remove_node()); }),
      With("SetFeature", [=](Cursor cmd) { return ReadSetFeature(cmd, out->mutable_set_feature()); }),
      With("UpsertKV", [=](Cursor cmd) { return ReadUpsert(cmd, out->mutable_upsert_kv()); }),
      With("Transaction", [=](Cursor cmd) { return ReadTxn(cmd, out->mutable_transaction()); }),
      With("KvTransaction", [=](Cursor cmd) { return ReadKvTxn(cmd, out->mutable_kv_transaction()); }),
  });
}

}  // namespace

bool ReadUpsert(Cursor c, pb::UpsertKv* out) {
  return c.Object({Required("key", String(out->mutable_key())), Required("seq", As(ReadMatchSeq, out->mutable_seq())),
                   Required("value", As(ReadOperation, out->mutable_value())),
                   Optional("value_meta", [=](Cursor spec) { return ReadMetaSpec(spec, out->mutable_value_meta()); })});
}

bool ReadCommand(Cursor c, pb::Command* out) {
  return c.Object({Optional("time_ms", U64([=](auto v) { out->set_time_ms(v); })), Required("cmd", As(ReadCmd, out))});
}

bool ReadEntry(Cursor c, Entry* out) {
  auto blank = [=](Cursor) {
    out->kind = EntryKind::kBlank;
    return true;
  };
  auto normal = [=](Cursor payload) {
    pb::Command command;
    if (!ReadCommand(payload, &command)) return false;
    out->kind = EntryKind::kNormal;
    out->payload = std::make_shared<const std::string>(command.SerializeAsString());
    return true;
  };
  auto membership = [=](Cursor payload) {
    Membership value;
    if (!ReadMembership(payload, &value)) return false;
    out->kind = EntryKind::kMembership;
    out->membership = std::make_shared<const Membership>(std::move(value));
    return true;
  };
  auto payload = [&](Cursor value) {
    return value.Variant({Unit("Blank", blank), With("Normal", normal), With("Membership", membership)});
  };
  return c.Object({Required("log_id", As(ReadLogId, &out->id)), Required("payload", payload)});
}

}  // namespace metasrv::backup
