#include "tests/backup/old_document.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/backup/random_records.h"

namespace metasrv::backup {
namespace {

using Json = nlohmann::ordered_json;

template <class List>
void Shuffle(List& list) {
  for (std::size_t i = list.size(); i > 1; --i) {
    std::swap(list[i - 1], list[static_cast<std::size_t>(Below(static_cast<int>(i)))]);
  }
}

// --- N22: the text of a value with all the freedom that a reader must allow

std::string Blanks() {
  static const char* const kBlanks[] = {"", "", "", " ", "\t", "  "};
  return kBlanks[Below(std::size(kBlanks))];
}

std::string Escaped(unsigned char byte) {
  static constexpr char kDigits[] = "0123456789abcdef";
  return std::string("\\u00") + kDigits[byte >> 4] + (Coin() ? kDigits[byte & 15] : "0123456789ABCDEF"[byte & 15]);
}

std::string AnyTextOf(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const bool must = byte < 0x20 || c == '"' || c == '\\';
    if (must || (byte < 0x80 && Below(8) == 0)) {
      text += c == '/' && Coin() ? "\\/" : Escaped(byte);
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string AnyTextOf(const Json& value);

std::string AnyTextOfList(const Json& value) {
  std::string text = value.is_object() ? "{" : "[";
  const char* comma = "";
  for (const auto& item : value.items()) {
    text += std::exchange(comma, ",") + Blanks();
    if (value.is_object()) text += AnyTextOf(item.key()) + Blanks() + ":" + Blanks();
    text += AnyTextOf(item.value()) + Blanks();
  }
  return text + (value.is_object() ? "}" : "]");
}

std::string AnyTextOf(const Json& value) {
  if (value.is_string()) return AnyTextOf(value.get<std::string>());
  return value.is_structured() ? AnyTextOfList(value) : value.dump();
}

// --- Members

// A member that is null is the same as none.
void MaybeDropNull(Json& object, const char* name) {
  if (object.contains(name) && object[name].is_null() && Coin()) object.erase(name);
}
void MaybeDrop(Json& object, const char* name, const Json& implied) {
  if (object[name] == implied && Coin()) object.erase(name);
}
void MaybeAddNull(Json& object, const char* name) {
  if (!object.contains(name) && Coin()) object[name] = nullptr;
}

// What a struct-like object may carry without meaning anything, in any order of its members.
void Disguise(Json& object) {
  if (Below(4) == 0) object["unknown_member"] = Json::parse(R"([{"a":[1,-2.5e3,"é",null]},"}"])");
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& item : object.items()) members.emplace_back(item.key(), item.value());
  Shuffle(members);
  object = Json::object();
  for (auto& [name, value] : members) object[name] = std::move(value);
}

// --- Shapes

// N13
void AgeNode(Json& node) {
  MaybeDropNull(node, "grpc_api_advertise_address");
  if (Coin()) node["grpc_api_addr"] = "0.0.0.0:9191";
  Disguise(node["endpoint"]);
  Disguise(node);
}

// N21
void AgeMembership(Json& membership) {
  for (Json& config : membership["configs"]) {
    if (!config.empty() && Coin()) config.push_back(config[0]);
    Shuffle(config);
  }
  std::vector<std::string> ids;
  for (const auto& item : membership["nodes"].items()) ids.push_back(item.key());
  Shuffle(ids);
  membership["nodes"] = Json::object();
  for (const std::string& id : ids) membership["nodes"][id] = Coin() ? Json::object() : Json{{"x", nullptr}};
  Disguise(membership);
}

void AgeLogId(Json& id) {
  if (id.is_null()) return;
  Disguise(id["leader_id"]);
  Disguise(id);
}

void AgeCondition(Json& condition) {
  MaybeDropNull(condition, "target");
  Disguise(condition);
}

void AgeExpression(Json& expression) {
  for (Json& child : expression["sub_expressions"]) AgeExpression(child);
  for (Json& child : expression["conditions"]) AgeCondition(child);
  Disguise(expression);
}

// N11, N12
void AgeOp(Json& op) {
  MaybeDropNull(op, "request");
  if (!op.contains("request") || op["request"].is_null()) return;
  auto& [kind, request] = *op["request"].get_ptr<Json::object_t*>()->begin();
  for (const char* name : {"match_seq", "expire_at", "expires_at_ms"}) MaybeDropNull(request, name);
  if (kind == "Put" || kind == "Delete") MaybeDrop(request, "prev_value", true);
  if (kind == "Put") MaybeAddNull(request, "ttl_ms");
  if (kind == "PutSequential") MaybeDropNull(request, "ttl_ms");
  Disguise(request);
}

void AgeBranch(Json& branch) {
  MaybeDropNull(branch, "predicate");
  if (branch.contains("predicate") && !branch["predicate"].is_null()) AgeExpression(branch["predicate"]);
  for (Json& op : branch["operations"]) AgeOp(op);
  Disguise(branch);
}

void AgeTransaction(Json& txn) {
  if (!txn.contains("operations") && Coin()) txn["operations"] = Json::array();
  if (txn.contains("operations")) {
    for (Json& branch : txn["operations"]) AgeBranch(branch);
  }
  for (Json& condition : txn["condition"]) AgeCondition(condition);
  for (const char* branch : {"if_then", "else_then"}) {
    for (Json& op : txn[branch]) AgeOp(op);
  }
  Disguise(txn);
}

// N17
void AgeUpsert(Json& upsert) {
  if (upsert["value_meta"].is_object()) {
    Json& spec = upsert["value_meta"];
    MaybeAddNull(spec, "ttl");
    MaybeDropNull(spec, "expire_at");
    Disguise(spec);
  }
  MaybeDropNull(upsert, "value_meta");
  Disguise(upsert);
}

// N10, N14
void AgeCommand(Json& normal) {
  Json& cmd = normal["cmd"];
  if (cmd.contains("AddNode")) {
    AgeNode(cmd["AddNode"]["node"]);
    MaybeDrop(cmd["AddNode"], "overriding", false);
    Disguise(cmd["AddNode"]);
  }
  if (cmd.contains("UpsertKV")) AgeUpsert(cmd["UpsertKV"]);
  if (cmd.contains("Transaction")) AgeTransaction(cmd["Transaction"]);
  if (Coin()) normal["txid"] = nullptr;
  MaybeAddNull(normal, "time_ms");
  Disguise(normal);
}

void AgeEntry(Json& entry) {
  AgeLogId(entry["log_id"]);
  Json& payload = entry["payload"];
  if (payload == "Blank" && Coin()) payload = Json{{"Blank", nullptr}};
  if (payload.is_object() && payload.contains("Normal")) AgeCommand(payload["Normal"]);
  if (payload.is_object() && payload.contains("Membership")) AgeMembership(payload["Membership"]);
  Disguise(entry);
}

// --- Lines

Json KeyValueLine(const char* tree, const char* variant, Json key, Json value) {
  Json content{{"key", std::move(key)}, {"value", std::move(value)}};
  Disguise(content);
  return Json::array({tree, Json{{variant, std::move(content)}}});
}

Json RaftState(const char* key, const char* variant, Json value) {
  return KeyValueLine("raft_state", "RaftStateKV", key, Json{{variant, std::move(value)}});
}

// N15, N16, N18; the trees and the key of Sequences mean nothing.
Json OldStateLine(Json line) {
  line[0] = Coin() ? "state_machine/0" : "state_machine/7";
  auto& [variant, content] = *line[1].get_ptr<Json::object_t*>()->begin();
  Json& value = content["value"];
  if (variant == "Sequences") content["key"] = AnyText();
  if (variant == "Nodes") AgeNode(value);
  if (variant == "Expire") {
    if (value["seq"] == 1 && Coin()) value["seq"] = 0;
    MaybeDrop(value, "seq", 0);
    Disguise(content["key"]);
    Disguise(value);
  }
  if (variant == "GenericKV") {
    if (value["meta"].is_object()) {
      MaybeAddNull(value["meta"], "expire_at");
      MaybeAddNull(value["meta"], "proposed_at_ms");
      Disguise(value["meta"]);
    }
    MaybeDropNull(value, "meta");
    Disguise(value);
  }
  if (variant == "StateMachineMeta") {
    if (value.contains("LogId")) AgeLogId(value["LogId"]);
    if (value.contains("Membership")) {
      MaybeDropNull(value["Membership"], "log_id");
      AgeMembership(value["Membership"]["membership"]);
    }
  }
  Disguise(content);
  return line;
}

// A document in the making: the parts in the order of an old one (§5).
struct OldDocument {
  std::vector<Json> scalars;
  std::vector<Json> entries;
  std::vector<Json> purged;
  std::vector<Json> state;
};

// N9: entries that the purged line behind them removes.
void PrependPurged(const Json& purged, OldDocument& out) {
  const auto last = purged["index"].get<std::uint64_t>();
  for (std::uint64_t back = static_cast<std::uint64_t>(Below(3)); back > 0; --back) {
    if (back > last + 1) continue;
    Json id = purged;
    id["index"] = last + 1 - back;
    out.entries.push_back(KeyValueLine("raft_log", "Logs", AnyU64(), Json{{"log_id", id}, {"payload", "Blank"}}));
  }
}

// N2-N8, N23: one line of the log part.
void AddLogLine(const Json& entry, OldDocument& out) {
  if (entry.contains("NodeId")) {
    if (Coin()) out.scalars.push_back(RaftState("Id", "NodeId", AnyU64()));
    out.scalars.push_back(RaftState("Id", "NodeId", entry["NodeId"]));
  } else if (entry.contains("Vote")) {
    if (!entry["Vote"].is_null()) out.scalars.push_back(RaftState("HardState", "HardState", entry["Vote"]));
    if (Coin()) out.scalars.push_back(RaftState("StateMachineId", "StateMachineId", Json::array({AnyU64(), 0})));
  } else if (entry.contains("Committed")) {
    if (!entry["Committed"].is_null() || Coin()) {
      out.scalars.push_back(RaftState("Committed", "Committed", entry["Committed"]));
    }
  } else if (entry.contains("Purged")) {
    if (entry["Purged"].is_null()) return;
    PrependPurged(entry["Purged"], out);
    out.purged.push_back(KeyValueLine("raft_log", "LogMeta", "LastPurged", Json{{"LogId", entry["Purged"]}}));
  } else {
    Json aged = entry["LogEntry"];
    AgeEntry(aged);
    out.entries.push_back(KeyValueLine("raft_log", "Logs", AnyU64(), std::move(aged)));
  }
}

Json OldHeader() {
  Json header = Json::parse(R"(["header",{"DataHeader":{"key":"header","value":{"version":"V003"}}}])");
  Json& value = header[1]["DataHeader"]["value"];
  if (Coin()) value["version"] = "V002";
  if (Coin()) value["upgrading"] = nullptr;
  return header;
}

}  // namespace

Lines AnyOldDocument(const Lines& canonical) {
  OldDocument parts;
  for (std::size_t i = 1; i < canonical.size(); ++i) {
    const Json line = Json::parse(canonical[i]);
    if (line[0] == "raft_log") {
      AddLogLine(line[1], parts);
    } else {
      parts.state.push_back(OldStateLine(line));
    }
  }
  if (Coin())
    parts.state.push_back(KeyValueLine("state_machine/0", "StateMachineMeta", "Initialized", Json{{"Bool", true}}));
  Shuffle(parts.state);
  Lines document{AnyTextOf(OldHeader())};
  for (const auto* part : {&parts.scalars, &parts.entries, &parts.purged, &parts.state}) {
    for (const Json& line : *part) document.push_back(AnyTextOf(line) + (Below(8) == 0 ? "\r" : ""));
  }
  return document;
}

}  // namespace metasrv::backup
