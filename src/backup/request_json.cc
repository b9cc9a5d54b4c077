#include "backup/request_json.h"

#include <functional>
#include <utility>

#include "backup/encode.h"
#include "backup/read_shapes.h"

namespace metasrv::backup {
namespace {

template <class T>
std::expected<T, ParseError> ParseAs(std::string_view json, bool (*read)(Cursor, T*)) {
  T value;
  JsonParser parser;
  if (auto error = parser.Parse(json, As(read, &value))) return std::unexpected(std::move(*error));
  return value;
}

// `target()` is where the read goes, asked once it is chosen: making the place may replace another alternative of a
// variant.
template <class T>
T* Choose(const auto& target) {
  ReadRequest* request = target();
  return &request->emplace<T>();
}

Alternative GetAlternative(auto target) {
  return With("GetKV", [=](Cursor c) { return c.Object({Required("key", String(&Choose<GetKv>(target)->key))}); });
}

Alternative MGetAlternative(auto target) {
  return With("MGetKV", [=](Cursor c) {
    auto* keys = &Choose<MGetKv>(target)->keys;
    return c.Object({Required("keys", Each([=](Cursor key) { return key.String(&keys->emplace_back()); }))});
  });
}

Alternative ListAlternative(auto target) {
  return With("ListKV",
              [=](Cursor c) { return c.Object({Required("prefix", String(&Choose<ListKv>(target)->prefix))}); });
}

bool ReadRead(Cursor c, ReadRequest* out) {
  auto target = [=] { return out; };
  return c.Variant({GetAlternative(target), MGetAlternative(target), ListAlternative(target)});
}

bool ReadKvApi(Cursor c, pb::UpsertKv* out) { return c.Variant({With("UpsertKV", As(ReadUpsert, out))}); }

bool ReadJoin(Cursor c, Join* out) {
  auto role = [=](Cursor value) {
    std::string text;
    if (!value.String(&text)) return false;
    out->learner = text == "learner";
    return true;
  };
  auto address = [=](Cursor value) { return value.String(&out->grpc_api_advertise_address.emplace()); };
  return c.Object({Required("node_id", U64([=](auto v) { out->node_id = NodeId(v); })),
                   Required("endpoint", As(ReadEndpoint, &out->endpoint)),
                   Optional("grpc_api_advertise_address", address), Optional("role", role)});
}

bool ReadLeave(Cursor c, Leave* out) {
  return c.Object({Required("node_id", U64([=](auto v) { out->node_id = NodeId(v); }))});
}

bool ReadBody(Cursor c, ForwardRequest* out) {
  auto ping = [=](Cursor) {
    out->body.emplace<Ping>();
    return true;
  };
  auto target = [=] { return &out->body.emplace<ReadRequest>(); };
  return c.Variant({Unit("Ping", ping),
                    With("Join", [=](Cursor body) { return ReadJoin(body, &out->body.emplace<Join>()); }),
                    With("Leave", [=](Cursor body) { return ReadLeave(body, &out->body.emplace<Leave>()); }),
                    With("Write", [=](Cursor body) { return ReadCommand(body, &out->body.emplace<pb::Command>()); }),
                    GetAlternative(target), MGetAlternative(target), ListAlternative(target)});
}

bool ReadForward(Cursor c, ForwardRequest* out) {
  return c.Object(
      {Required("forward_to_leader", U64([=](auto v) { out->hops = v; })), Required("body", As(ReadBody, out))});
}

struct ReadWriter {
  JsonWriter& w;

  void operator()(const GetKv& read) const {
    WriteVariant(w, "GetKV", [&] { WriteSingle("key", [&] { w.String(read.key); }); });
  }
  void operator()(const MGetKv& read) const {
    auto keys = [&] {
      w.BeginArray();
      for (const std::string& key : read.keys) w.String(key);
      w.EndArray();
    };
    WriteVariant(w, "MGetKV", [&] { WriteSingle("keys", keys); });
  }
  void operator()(const ListKv& read) const {
    WriteVariant(w, "ListKV", [&] { WriteSingle("prefix", [&] { w.String(read.prefix); }); });
  }
  // An object of one member has the shape of a variant.
  void WriteSingle(std::string_view name, const auto& value) const { WriteVariant(w, name, value); }
};

}  // namespace

std::expected<pb::UpsertKv, ParseError> ParseKvApiRequest(std::string_view json) { return ParseAs(json, ReadKvApi); }

std::expected<ReadRequest, ParseError> ParseReadRequest(std::string_view json) { return ParseAs(json, ReadRead); }

std::expected<ForwardRequest, ParseError> ParseForwardRequest(std::string_view json) {
  return ParseAs(json, ReadForward);
}

std::string LeaveRequestJson(std::uint64_t hops, NodeId id) {
  std::string out;
  JsonWriter w(&out);
  w.BeginObject();
  w.Member("forward_to_leader", hops);
  w.Key("body");
  WriteVariant(w, "Leave", [&] { WriteVariant(w, "node_id", [&] { w.U64(id.value()); }); });
  w.EndObject();
  return out;
}

std::string KvApiRequestJson(const pb::UpsertKv& upsert) {
  std::string out;
  JsonWriter w(&out);
  WriteVariant(w, "UpsertKV", [&] { WriteUpsert(w, upsert); });
  return out;
}

std::string ReadRequestJson(const ReadRequest& read) {
  std::string out;
  JsonWriter w(&out);
  std::visit(ReadWriter{w}, read);
  return out;
}

}  // namespace metasrv::backup
