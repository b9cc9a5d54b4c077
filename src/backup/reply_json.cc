#include "backup/reply_json.h"

#include "backup/encode.h"

namespace metasrv::backup {
namespace {

std::string Written(const auto& write) {
  std::string out;
  JsonWriter w(&out);
  write(w);
  return out;
}

void WriteRecordOrNull(JsonWriter& w, const std::optional<meta::SeqV>& record) {
  record.has_value() ? WriteSeqV(w, *record) : w.Null();
}

// `{"ident":null,"prev":..,"result":..}`
void WriteChange(JsonWriter& w, const pb::UpsertReply& reply) {
  w.BeginObject();
  w.Key("ident");
  w.Null();
  w.Key("prev");
  reply.has_prev() ? WriteSeqV(w, reply.prev()) : w.Null();
  w.Key("result");
  reply.has_result() ? WriteSeqV(w, reply.result()) : w.Null();
  w.EndObject();
}

// The shape that mirrors the protobuf message: every member is written.
void WriteProtoSeqV(JsonWriter& w, const meta::SeqV& record) {
  w.BeginObject();
  w.Member("seq", record.seq());
  w.Key("data");
  w.Bytes(record.data());
  w.Key("meta");
  if (record.has_meta()) {
    const meta::KVMeta& meta = record.meta();
    w.BeginObject();
    w.Member("expire_at", meta.has_expire_at() ? std::optional(meta.expire_at()) : std::nullopt);
    w.Member("proposed_at_ms", meta.has_proposed_at_ms() ? std::optional(meta.proposed_at_ms()) : std::nullopt);
    w.EndObject();
  } else {
    w.Null();
  }
  w.EndObject();
}

void WriteProtoRecord(JsonWriter& w, std::string_view name, bool present, const meta::SeqV& record) {
  w.Key(name);
  present ? WriteProtoSeqV(w, record) : w.Null();
}

// One overload per kind of response; each writes the members.
struct ResponseWriter {
  JsonWriter& w;

  void operator()(const meta::TxnGetResponse& get) const {
    w.Member("key", get.key());
    WriteProtoRecord(w, "value", get.has_value(), get.value());
  }
  void operator()(const meta::TxnPutResponse& put) const {
    w.Member("key", put.key());
    WriteProtoRecord(w, "prev_value", put.has_prev_value(), put.prev_value());
    WriteProtoRecord(w, "current", put.has_current(), put.current());
  }
  void operator()(const meta::TxnDeleteResponse& response) const {
    w.Member("key", response.key());
    w.Member("success", response.success());
    WriteProtoRecord(w, "prev_value", response.has_prev_value(), response.prev_value());
  }
  void operator()(const meta::TxnDeleteByPrefixResponse& response) const {
    w.Member("prefix", response.prefix());
    w.Member("count", response.count());
  }
  void operator()(const meta::FetchIncreaseU64Response& response) const {
    w.Member("key", response.key());
    w.Member("before_seq", response.before_seq());
    w.Member("before", response.before());
    w.Member("after_seq", response.after_seq());
    w.Member("after", response.after());
  }
};

void WriteResponseVariant(JsonWriter& w, std::string_view name, const auto& response) {
  WriteVariant(w, name, [&] {
    w.BeginObject();
    ResponseWriter{w}(response);
    w.EndObject();
  });
}

void WriteResponse(JsonWriter& w, const meta::TxnOpResponse& response) {
  switch (response.response_case()) {
    case meta::TxnOpResponse::kGet: return WriteResponseVariant(w, "Get", response.get());
    case meta::TxnOpResponse::kPut: return WriteResponseVariant(w, "Put", response.put());
    case meta::TxnOpResponse::kDelete: return WriteResponseVariant(w, "Delete", response.delete_());
    case meta::TxnOpResponse::kDeleteByPrefix:
      return WriteResponseVariant(w, "DeleteByPrefix", response.delete_by_prefix());
    case meta::TxnOpResponse::kFetchIncreaseU64:
      return WriteResponseVariant(w, "FetchIncreaseU64", response.fetch_increase_u64());
    case meta::TxnOpResponse::RESPONSE_NOT_SET: return w.Null();
  }
}

void WriteResponses(JsonWriter& w, const auto& responses) {
  w.Key("responses");
  w.BeginArray();
  for (const meta::TxnOpResponse& response : responses) {
    WriteVariant(w, "response", [&] { WriteResponse(w, response); });
  }
  w.EndArray();
}

void WriteKvTransactionReply(JsonWriter& w, const meta::KvTransactionReply& reply) {
  w.BeginObject();
  w.Key("executed_branch");
  reply.has_executed_branch() ? w.U64(reply.executed_branch()) : w.Null();
  WriteResponses(w, reply.responses());
  w.EndObject();
}

void WriteNodeReply(JsonWriter& w, const pb::NodeReply& reply) {
  w.BeginObject();
  w.Key("prev");
  reply.has_prev() ? WriteNode(w, reply.prev()) : w.Null();
  w.Key("result");
  reply.has_result() ? WriteNode(w, reply.result()) : w.Null();
  w.EndObject();
}

void WriteAppliedState(JsonWriter& w, const pb::AppliedState& state) {
  switch (state.reply_case()) {
    case pb::AppliedState::kKv: return WriteVariant(w, "KV", [&] { WriteChange(w, state.kv()); });
    case pb::AppliedState::kKvTransaction:
      return WriteVariant(w, "KvTransactionReply", [&] { WriteKvTransactionReply(w, state.kv_transaction()); });
    case pb::AppliedState::kNode: return WriteVariant(w, "Node", [&] { WriteNodeReply(w, state.node()); });
    case pb::AppliedState::kTransaction:
    case pb::AppliedState::REPLY_NOT_SET: return w.String("None");
  }
}

}  // namespace

std::string UpsertReplyJson(const pb::UpsertReply& reply) {
  return Written([&](JsonWriter& w) { WriteChange(w, reply); });
}

std::string PongJson() { return "\"Pong\""; }
std::string JoinReplyJson() { return "{\"Join\":null}"; }
std::string LeaveReplyJson() { return "{\"Leave\":null}"; }

std::string AppliedStateJson(const pb::AppliedState& state) {
  return Written([&](JsonWriter& w) { WriteVariant(w, "AppliedState", [&] { WriteAppliedState(w, state); }); });
}

std::string GetReplyJson(const std::optional<meta::SeqV>& record) {
  return Written([&](JsonWriter& w) { WriteVariant(w, "GetKV", [&] { WriteRecordOrNull(w, record); }); });
}

std::string MGetReplyJson(const std::vector<std::optional<meta::SeqV>>& records) {
  return Written([&](JsonWriter& w) {
    WriteVariant(w, "MGetKV", [&] {
      w.BeginArray();
      for (const auto& record : records) WriteRecordOrNull(w, record);
      w.EndArray();
    });
  });
}

std::string ListReplyJson(const std::vector<std::pair<std::string, meta::SeqV>>& records) {
  return Written([&](JsonWriter& w) {
    WriteVariant(w, "ListKV", [&] {
      w.BeginArray();
      for (const auto& [key, record] : records) {
        w.BeginArray();
        w.String(key);
        WriteSeqV(w, record);
        w.EndArray();
      }
      w.EndArray();
    });
  });
}

}  // namespace metasrv::backup
