#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/backup/document.h"

// A genuine backup of data version V003. What its import and export must give is computed here a second time, by edits
// of the JSON text with another library, and is also kept in a file for other tests.
namespace metasrv::backup {
namespace {

using Json = nlohmann::ordered_json;

// Sections of export-format.md §10.2, for the order of the lines.
int SectionOf(const Json& line) {
  const Json& entry = line[1];
  const char* sections[] = {"DataHeader", "NodeId",      "Vote",           "Committed", "Purged", "LogEntry",
                            "Sequences",  "LastApplied", "LastMembership", "Nodes",     "Expire", "GenericKV"};
  std::string name = entry.items().begin().key();
  if (name == "StateMachineMeta") name = entry[name]["key"];
  return static_cast<int>(std::find(std::begin(sections), std::end(sections), name) - std::begin(sections));
}

void AppendMissing(Json& object, const char* name, const Json& value) {
  if (!object.contains(name)) object[name] = value;
}

// N11, N12.
void NormaliseOp(Json& op) {
  Json& request = op["request"];
  if (request.contains("Put")) AppendMissing(request["Put"], "match_seq", nullptr);
  if (request.contains("Delete")) AppendMissing(request["Delete"], "match_seq", nullptr);
}

// N10, N11, N14.
void NormaliseCommand(Json& normal) {
  normal.erase("txid");
  Json& cmd = normal["cmd"];
  if (cmd.contains("AddNode")) AppendMissing(cmd["AddNode"], "overriding", false);
  if (!cmd.contains("Transaction")) return;
  for (const char* branch : {"if_then", "else_then"}) {
    for (Json& op : cmd["Transaction"][branch]) NormaliseOp(op);
  }
}

Json LogLine(const char* kind, const Json& content) { return Json::array({"raft_log", Json{{kind, content}}}); }

// N2, N3, N7, N8 for one line of the log part.
Json NormaliseLogLine(const Json& entry) {
  if (entry.contains("RaftStateKV")) {
    const Json& value = entry["RaftStateKV"]["value"];
    if (value.contains("HardState")) return LogLine("Vote", value["HardState"]);
    return Json::array({"raft_log", value});
  }
  if (entry.contains("LogMeta")) return LogLine("Purged", entry["LogMeta"]["value"]["LogId"]);
  Json line = LogLine("LogEntry", entry["Logs"]["value"]);
  Json& payload = line[1]["LogEntry"]["payload"];
  if (payload.is_object() && payload.contains("Normal")) NormaliseCommand(payload["Normal"]);
  return line;
}

// N15, N18 for one line of the state part.
Json NormaliseStateLine(Json line) {
  if (line[1].contains("GenericKV")) {
    Json& meta = line[1]["GenericKV"]["value"]["meta"];
    for (const char* name : {"expire_at", "proposed_at_ms"}) {
      if (meta.is_object() && meta.contains(name) && meta[name].is_null()) meta.erase(name);
    }
  }
  if (line[1].contains("Expire")) {
    Json& value = line[1]["Expire"]["value"];
    value = Json{{"seq", 1}, {"key", value["key"]}};
  }
  return line;
}

Lines NormaliseIndependently(const Lines& in) {
  std::vector<Json> lines{Json::parse(R"(["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}])")};
  for (std::size_t i = 1; i < in.size(); ++i) {
    Json line = Json::parse(in[i]);
    bool state = line[0].get<std::string>().starts_with("state_machine/");
    lines.push_back(state ? NormaliseStateLine(line) : NormaliseLogLine(line[1]));
  }
  for (const char* kind : {"Vote", "Committed", "Purged"}) {
    bool present = std::ranges::any_of(lines, [&](const Json& line) { return line[1].contains(kind); });
    if (!present) lines.push_back(LogLine(kind, nullptr));
  }
  std::ranges::stable_sort(lines, {}, SectionOf);
  Json purged =
      (*std::ranges::find_if(lines, [](const Json& line) { return line[1].contains("Purged"); }))[1]["Purged"];
  Lines out;
  for (const Json& line : lines) {
    bool gone =
        !purged.is_null() && line[1].contains("LogEntry") && line[1]["LogEntry"]["log_id"]["index"] <= purged["index"];
    if (!gone) out.push_back(line.dump());
  }
  return out;
}

TEST(RealBackup, IsNormalisedExactlyAsSpecified) {
  Lines in = ReadLines("data/databend-export-v003.jsonl");
  Lines got = Reexport(in);
  EXPECT_EQ(got, NormaliseIndependently(in));
  EXPECT_EQ(got, ReadLines("data/databend-export-v004.jsonl"));
}

TEST(RealBackup, IsAFixedPointOnceNormalised) {
  Lines lines = ReadLines("data/databend-export-v004.jsonl");
  EXPECT_EQ(Reexport(lines), lines);
}

}  // namespace
}  // namespace metasrv::backup
