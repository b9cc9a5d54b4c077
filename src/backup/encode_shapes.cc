#include "backup/encode.h"

namespace metasrv::backup {
namespace {

void WriteLeaderId(JsonWriter& w, std::uint64_t term, std::uint64_t node_id) {
  w.Key("leader_id");
  w.BeginObject();
  w.Member("term", term);
  w.Member("node_id", node_id);
  w.EndObject();
}

void WriteKvMeta(JsonWriter& w, const meta::KVMeta& meta) {
  w.BeginObject();
  if (meta.has_expire_at()) w.Member("expire_at", meta.expire_at());
  if (meta.has_proposed_at_ms()) w.Member("proposed_at_ms", meta.proposed_at_ms());
  w.EndObject();
}

}  // namespace

void WriteLogId(JsonWriter& w, const LogId& id) {
  w.BeginObject();
  WriteLeaderId(w, id.term.value(), id.leader.value());
  w.Member("index", id.index.value());
  w.EndObject();
}

void WriteVote(JsonWriter& w, const Vote& vote) {
  w.BeginObject();
  WriteLeaderId(w, vote.term.value(), vote.node_id.value());
  w.Member("committed", vote.committed);
  w.EndObject();
}

void WriteNode(JsonWriter& w, const meta::Node& node) {
  w.BeginObject();
  w.Member("name", node.name());
  w.Key("endpoint");
  w.BeginObject();
  w.Member("addr", node.addr());
  w.Member("port", node.port());
  w.EndObject();
  w.Key("grpc_api_advertise_address");
  node.has_grpc_api_advertise_address() ? w.String(node.grpc_api_advertise_address()) : w.Null();
  w.EndObject();
}

void WriteMembership(JsonWriter& w, const Membership& membership) {
  w.BeginObject();
  w.Key("configs");
  w.BeginArray();
  for (const NodeSet& config : membership.configs) {
    w.BeginArray();
    for (NodeId id : config) w.U64(id.value());
    w.EndArray();
  }
  w.EndArray();
  w.Key("nodes");
  w.BeginObject();
  for (NodeId id : membership.nodes) {
    w.Key(std::to_string(id.value()));
    w.BeginObject();
    w.EndObject();
  }
  w.EndObject();
  w.EndObject();
}

void WriteMembership(JsonWriter& w, const meta::Membership& membership) { WriteMembership(w, FromProto(membership)); }

void WriteStoredMembership(JsonWriter& w, const pb::StoredMembership& membership) {
  w.BeginObject();
  w.Key("log_id");
  membership.has_log_id() ? WriteLogId(w, FromProto(membership.log_id())) : w.Null();
  w.Key("membership");
  WriteMembership(w, membership.membership());
  w.EndObject();
}

void WriteSeqV(JsonWriter& w, const meta::SeqV& record) {
  w.BeginObject();
  w.Member("seq", record.seq());
  w.Key("meta");
  record.has_meta() ? WriteKvMeta(w, record.meta()) : w.Null();
  w.Key("data");
  w.Bytes(record.data());
  w.EndObject();
}

namespace {

std::string Written(const auto& write) {
  std::string out;
  JsonWriter w(&out);
  write(w);
  return out;
}

}  // namespace

std::string ToJson(const LogId& id) {
  return Written([&](JsonWriter& w) { WriteLogId(w, id); });
}

std::string ToJson(const meta::Node& node) {
  return Written([&](JsonWriter& w) { WriteNode(w, node); });
}

std::string ToJson(const meta::SeqV& record) {
  return Written([&](JsonWriter& w) { WriteSeqV(w, record); });
}

}  // namespace metasrv::backup
