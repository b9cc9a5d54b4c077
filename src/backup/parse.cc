#include "backup/parse.h"

#include "backup/read_shapes.h"

namespace metasrv::backup {
namespace {

// `{"key":K,"value":V}`, the content of every state line and of most lines of the older versions.
bool ReadKeyValue(Cursor c, ReadFn key, ReadFn value) {
  return c.Object({Required("key", key), Required("value", value)});
}

// A key that only has to be one of a few names: the variant of the value says what the line is. To be used at once.
ReadFn AnyNameOf(std::initializer_list<std::string_view> names) {
  return [names](Cursor c) {
    std::string name;
    if (!c.String(&name)) return false;
    for (std::string_view known : names) {
      if (known == name) return true;
    }
    return c.Fail("unknown variant `" + name + "`");
  };
}

// The record of `out` as a T to be filled; made when the line turns out to be one.
template <class T>
T* Make(Line* out, Part part) {
  out->part = part;
  return &out->record.emplace<T>();
}

// --- Header (export-format.md §4.1)

ReadFn Version(std::string* out) {
  auto name = [out](std::string_view text) {
    return Unit(text, [=](Cursor) {
      *out = text;
      return true;
    });
  };
  return [name](Cursor c) { return c.Variant({name("V0"), name("V001"), name("V002"), name("V003"), name("V004")}); };
}

bool ReadHeader(Cursor c, Line* out) {
  auto* header = Make<HeaderLine>(out, Part::kHeader);
  auto value = [=](Cursor v) {
    std::string ignored;
    return v.Object({Required("version", Version(&header->version)), Optional("upgrading", Version(&ignored)),
                     Optional("cleaning", Bool([](bool) {}))});
  };
  return ReadKeyValue(c, String(&header->key), value);
}

// --- Log part (export-format.md §4.2)

bool ReadNodeId(Cursor c, Line* out) {
  auto* line = Make<NodeIdLine>(out, Part::kLog);
  bool null = false;
  std::uint64_t id = 0;
  if (!c.IsNull(&null)) return false;
  if (null) return true;
  if (!c.U64(&id)) return false;
  line->id = NodeId(id);
  return true;
}

bool ReadVoteLine(Cursor c, Line* out) { return ReadOptionalVote(c, &Make<VoteLine>(out, Part::kLog)->vote); }

bool ReadCommitted(Cursor c, Line* out) { return ReadOptionalLogId(c, &Make<CommittedLine>(out, Part::kLog)->id); }

bool ReadPurged(Cursor c, Line* out) { return ReadOptionalLogId(c, &Make<PurgedLine>(out, Part::kLog)->id); }

bool ReadLogEntry(Cursor c, Line* out) { return ReadEntry(c, &Make<EntryLine>(out, Part::kLog)->entry); }

// --- Log part of the older versions (export-format.md §5)

bool ReadStateMachineId(Cursor c, Line* out) {
  Make<IgnoredLine>(out, Part::kLog);
  int count = 0;
  auto number = [&](Cursor element) {
    std::uint64_t ignored = 0;
    ++count;
    return element.U64(&ignored);
  };
  return c.Array(number) && (count == 2 || c.Fail("invalid length: expected two numbers"));
}

bool ReadRaftState(Cursor c, Line* out) {
  auto value = [=](Cursor v) {
    return v.Variant(
        {With("NodeId",
              [=](Cursor id) {
                auto* line = Make<NodeIdLine>(out, Part::kLog);
                return U64([=](auto n) { line->id = NodeId(n); })(id);
              }),
         With("HardState",
              [=](Cursor vote) { return ReadVote(vote, &Make<VoteLine>(out, Part::kLog)->vote.emplace()); }),
         With("StateMachineId", [=](Cursor id) { return ReadStateMachineId(id, out); }),
         With("Committed", [=](Cursor id) { return ReadCommitted(id, out); })});
  };
  return ReadKeyValue(c, AnyNameOf({"Id", "HardState", "StateMachineId", "Committed"}), value);
}

bool ReadLogs(Cursor c, Line* out) {
  return ReadKeyValue(c, U64([](auto) {}), [=](Cursor v) { return ReadLogEntry(v, out); });
}

bool ReadLogMeta(Cursor c, Line* out) {
  auto purged = [=](Cursor id) { return ReadLogId(id, &Make<PurgedLine>(out, Part::kLog)->id.emplace()); };
  return ReadKeyValue(c, AnyNameOf({"LastPurged"}), [=](Cursor v) { return v.Variant({With("LogId", purged)}); });
}

// --- State part (export-format.md §4.3)

bool ReadSequences(Cursor c, Line* out) {
  auto* line = Make<SequencesLine>(out, Part::kState);
  std::string ignored;
  return ReadKeyValue(c, String(&ignored), U64([=](auto v) { line->last_seq = v; }));
}

bool ReadStateMachineMeta(Cursor c, Line* out) {
  auto value = [=](Cursor v) {
    return v.Variant(
        {With("LogId", [=](Cursor id) { return ReadLogId(id, &Make<LastAppliedLine>(out, Part::kState)->id); }),
         With("Bool",
              [=](Cursor flag) {
                Make<IgnoredLine>(out, Part::kState);
                return Bool([](bool) {})(flag);
              }),
         With("Membership", [=](Cursor membership) {
           return ReadStoredMembership(membership, &Make<LastMembershipLine>(out, Part::kState)->membership);
         })});
  };
  return ReadKeyValue(c, AnyNameOf({"LastApplied", "Initialized", "LastMembership"}), value);
}

bool ReadNodeLine(Cursor c, Line* out) {
  auto* line = Make<NodeLine>(out, Part::kState);
  return ReadKeyValue(c, U64([=](auto v) { line->id = NodeId(v); }), As(ReadNode, &line->node));
}

bool ReadExpire(Cursor c, Line* out) {
  auto* line = Make<ExpireLine>(out, Part::kState);
  auto key = [=](Cursor k) {
    return k.Object({Required("time_ms", U64([=](auto v) { line->time_ms = v; })),
                     Required("seq", U64([=](auto v) { line->seq = v; }))});
  };
  auto value = [=](Cursor v) {
    return v.Object({Optional("seq", U64([=](auto seq) { line->value.set_seq(seq); })),
                     Required("key", String(line->value.mutable_key()))});
  };
  if (!ReadKeyValue(c, key, value)) return false;
  if (line->value.seq() == 0) line->value.set_seq(1);
  return true;
}

bool ReadGenericKv(Cursor c, Line* out) {
  auto* line = Make<KvLine>(out, Part::kState);
  return ReadKeyValue(c, String(&line->key), As(ReadSeqV, &line->record));
}

// --- Whole lines

bool ReadEntryObject(Cursor c, Line* out) {
  auto kind = [out](std::string_view name, bool (*read)(Cursor, Line*)) {
    return With(name, [=](Cursor content) {
      out->variant = name;
      return read(content, out);
    });
  };
  return c.Variant({kind("DataHeader", ReadHeader), kind("NodeId", ReadNodeId), kind("Vote", ReadVoteLine),
                    kind("Committed", ReadCommitted), kind("Purged", ReadPurged), kind("LogEntry", ReadLogEntry),
                    kind("RaftStateKV", ReadRaftState), kind("Logs", ReadLogs), kind("LogMeta", ReadLogMeta),
                    kind("Sequences", ReadSequences), kind("StateMachineMeta", ReadStateMachineMeta),
                    kind("Nodes", ReadNodeLine), kind("Expire", ReadExpire), kind("GenericKV", ReadGenericKv)});
}

bool ReadLine(Cursor c, Line* out) {
  int position = 0;
  auto element = [&](Cursor value) {
    switch (position++) {
      case 0: return value.String(&out->tree);
      case 1: out->entry_column = value.Column(); return ReadEntryObject(value, out);
      default: return value.Fail("trailing characters: a line has two elements");
    }
  };
  return c.Array(element) && (position == 2 || c.Fail("invalid length: a line has two elements"));
}

}  // namespace

struct LineParser::Buffers {
  JsonParser parser;
};

LineParser::LineParser() : buffers_(std::make_unique<Buffers>()) {}
LineParser::~LineParser() = default;
LineParser::LineParser(LineParser&&) noexcept = default;
LineParser& LineParser::operator=(LineParser&&) noexcept = default;

std::expected<Line, ParseError> LineParser::Parse(std::string_view text) {
  if (text.size() > kLineBytesMax) {
    return std::unexpected(ParseError{"the line has " + std::to_string(text.size()) + " bytes; at most " +
                                          std::to_string(kLineBytesMax) + " are read: is this a backup?",
                                      kLineBytesMax + 1});
  }
  Line line;
  if (auto error = buffers_->parser.Parse(text, As(ReadLine, &line))) return std::unexpected(std::move(*error));
  return line;
}

}  // namespace metasrv::backup
