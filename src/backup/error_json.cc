#include "backup/encode.h"
#include "backup/reply_json.h"

namespace metasrv::backup {
namespace {

std::string Written(const auto& write) {
  std::string out;
  JsonWriter w(&out);
  write(w);
  return out;
}

void WriteAnyError(JsonWriter& w, const AnyError& error) {
  w.BeginObject();
  w.Key("typ");
  error.typ.has_value() ? w.String(*error.typ) : w.Null();
  w.Member("msg", error.msg);
  w.Key("source");
  w.Null();
  w.Key("context");
  w.BeginArray();
  w.EndArray();
  w.Key("backtrace");
  w.Null();
  w.EndObject();
}

// `{"DataError":{"<variant>":<content>}}`
std::string DataError(std::string_view variant, const auto& content) {
  return Written(
      [&](JsonWriter& w) { WriteVariant(w, "DataError", [&] { WriteVariant(w, variant, [&] { content(w); }); }); });
}

void WriteLogIdOrNull(JsonWriter& w, const std::optional<LogId>& id) { id.has_value() ? WriteLogId(w, *id) : w.Null(); }

}  // namespace

std::string CanNotForwardJson(const AnyError& cause) {
  return Written([&](JsonWriter& w) { WriteVariant(w, "CanNotForward", [&] { WriteAnyError(w, cause); }); });
}

std::string ConnectionErrorJson(std::string_view msg, const AnyError& cause) {
  return Written([&](JsonWriter& w) {
    WriteVariant(w, "NetworkError", [&] {
      WriteVariant(w, "ConnectionError", [&] {
        w.BeginObject();
        w.Member("msg", msg);
        w.Key("source");
        WriteAnyError(w, cause);
        w.EndObject();
      });
    });
  });
}

std::string MembershipInProgressJson(const std::optional<LogId>& committed, const std::optional<LogId>& membership) {
  return DataError("ChangeMembershipError", [&](JsonWriter& w) {
    WriteVariant(w, "InProgress", [&] {
      w.BeginObject();
      w.Key("committed");
      WriteLogIdOrNull(w, committed);
      w.Key("membership_log_id");
      WriteLogIdOrNull(w, membership);
      w.EndObject();
    });
  });
}

std::string ReadErrorJson(std::string_view action, std::string_view msg, const AnyError& cause) {
  return DataError("ReadError", [&](JsonWriter& w) {
    w.BeginObject();
    w.Member("action", action);
    w.Member("msg", msg);
    w.Key("source");
    WriteAnyError(w, cause);
    w.EndObject();
  });
}

}  // namespace metasrv::backup
