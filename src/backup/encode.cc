#include "backup/encode.h"

#include "backup/version.h"
#include "common/check.h"
#include "sm/row_codec.h"

namespace metasrv::backup {
namespace {

constexpr std::string_view kHeaderTree = "header";
constexpr std::string_view kLogTree = "raft_log";
constexpr std::string_view kStateTree = "state_machine/0";

// `["<tree>",{"<variant>":<content>}]`
void WriteLine(JsonWriter& w, std::string_view tree, std::string_view variant, const auto& content) {
  w.BeginArray();
  w.String(tree);
  WriteVariant(w, variant, content);
  w.EndArray();
}

// A state line: `{"<variant>":{"key":..,"value":..}}`.
void WriteStateLine(JsonWriter& w, std::string_view variant, const auto& key, const auto& value) {
  WriteLine(w, kStateTree, variant, [&] {
    w.BeginObject();
    w.Key("key");
    key();
    w.Key("value");
    value();
    w.EndObject();
  });
}

void WriteStateMeta(JsonWriter& w, std::string_view key, std::string_view variant, const auto& value) {
  WriteStateLine(
      w, "StateMachineMeta", [&] { w.String(key); }, [&] { WriteVariant(w, variant, value); });
}

void WriteOptionalLogId(JsonWriter& w, const std::optional<LogId>& id) {
  id.has_value() ? WriteLogId(w, *id) : w.Null();
}

void WriteEntry(JsonWriter& w, const Entry& entry) {
  w.BeginObject();
  w.Key("log_id");
  WriteLogId(w, entry.id);
  w.Key("payload");
  switch (entry.kind) {
    case EntryKind::kBlank: w.String("Blank"); break;
    case EntryKind::kMembership: WriteVariant(w, "Membership", [&] { WriteMembership(w, *entry.membership); }); break;
    case EntryKind::kNormal: {
      pb::Command command;
      CHECK(sm::ParseCommand(*entry.payload, command));
      WriteVariant(w, "Normal", [&] { WriteCommand(w, command); });
      break;
    }
  }
  w.EndObject();
}

void WriteExpireKey(JsonWriter& w, const ExpireLine& line) {
  w.BeginObject();
  w.Member("time_ms", line.time_ms);
  w.Member("seq", line.seq);
  w.EndObject();
}

void WriteExpireValue(JsonWriter& w, const pb::ExpireValue& value) {
  w.BeginObject();
  if (value.seq() != 0) w.Member("seq", value.seq());
  w.Member("key", value.key());
  w.EndObject();
}

// One overload per kind of line.
struct LineWriter {
  JsonWriter& w;

  void operator()(const HeaderLine& line) const {
    WriteLine(w, kHeaderTree, "DataHeader", [&] {
      w.BeginObject();
      w.Member("key", line.key);
      w.Key("value");
      w.BeginObject();
      w.Member("version", line.version);
      w.EndObject();
      w.EndObject();
    });
  }
  void operator()(const NodeIdLine& line) const {
    WriteLine(w, kLogTree, "NodeId", [&] { line.id.has_value() ? w.U64(line.id->value()) : w.Null(); });
  }
  void operator()(const VoteLine& line) const {
    WriteLine(w, kLogTree, "Vote", [&] { line.vote.has_value() ? WriteVote(w, *line.vote) : w.Null(); });
  }
  void operator()(const CommittedLine& line) const {
    WriteLine(w, kLogTree, "Committed", [&] { WriteOptionalLogId(w, line.id); });
  }
  void operator()(const PurgedLine& line) const {
    WriteLine(w, kLogTree, "Purged", [&] { WriteOptionalLogId(w, line.id); });
  }
  void operator()(const EntryLine& line) const {
    WriteLine(w, kLogTree, "LogEntry", [&] { WriteEntry(w, line.entry); });
  }
  void operator()(const SequencesLine& line) const {
    WriteStateLine(
        w, "Sequences", [&] { w.String("generic-kv"); }, [&] { w.U64(line.last_seq); });
  }
  void operator()(const LastAppliedLine& line) const {
    WriteStateMeta(w, "LastApplied", "LogId", [&] { WriteLogId(w, line.id); });
  }
  void operator()(const LastMembershipLine& line) const {
    WriteStateMeta(w, "LastMembership", "Membership", [&] { WriteStoredMembership(w, line.membership); });
  }
  void operator()(const NodeLine& line) const {
    WriteStateLine(
        w, "Nodes", [&] { w.U64(line.id.value()); }, [&] { WriteNode(w, line.node); });
  }
  void operator()(const ExpireLine& line) const {
    WriteStateLine(
        w, "Expire", [&] { WriteExpireKey(w, line); }, [&] { WriteExpireValue(w, line.value); });
  }
  void operator()(const KvLine& line) const {
    WriteStateLine(
        w, "GenericKV", [&] { w.String(line.key); }, [&] { WriteSeqV(w, line.record); });
  }
  void operator()(const IgnoredLine&) const { CHECK(false); }
};

}  // namespace

void AppendLine(const Record& record, std::string* out) {
  JsonWriter w(out);
  std::visit(LineWriter{w}, record);
}

}  // namespace metasrv::backup
