// Any bytes as the JSON that the API's old calls carry (grpc-api.md §5): refused or read; what was read is written in a
// form that reads as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "backup/encode.h"
#include "backup/request_json.h"
#include "common/check.h"

namespace metasrv::backup {
namespace {

void CheckKvApi(std::string_view json) {
  const auto upsert = ParseKvApiRequest(json);
  if (!upsert) return CHECK(!upsert.error().reason.empty());
  const std::string text = KvApiRequestJson(*upsert);
  const auto again = ParseKvApiRequest(text);
  CHECK(again.has_value());
  CHECK_EQ(KvApiRequestJson(*again), text);
}

void CheckRead(std::string_view json) {
  const auto read = ParseReadRequest(json);
  if (!read) return CHECK(!read.error().reason.empty());
  const std::string text = ReadRequestJson(*read);
  const auto again = ParseReadRequest(text);
  CHECK(again.has_value());
  CHECK_EQ(again->index(), read->index());
  CHECK_EQ(ReadRequestJson(*again), text);
}

std::string WriteJson(const pb::Command& command) {
  std::string text = R"({"forward_to_leader":1,"body":{"Write":)";
  JsonWriter w(&text);
  WriteCommand(w, command);
  return text + "}}";
}

void CheckForward(std::string_view json) {
  const auto request = ParseForwardRequest(json);
  if (!request) return CHECK(!request.error().reason.empty());
  if (const auto* command = std::get_if<pb::Command>(&request->body)) {
    const std::string text = WriteJson(*command);
    const auto again = ParseForwardRequest(text);
    CHECK(again.has_value());
    CHECK_EQ(WriteJson(std::get<pb::Command>(again->body)), text);
  }
  if (const auto* leave = std::get_if<Leave>(&request->body)) {
    const auto again = ParseForwardRequest(LeaveRequestJson(request->hops, leave->node_id));
    CHECK(again.has_value());
    CHECK_EQ(again->hops, request->hops);
    CHECK(std::get<Leave>(again->body).node_id == leave->node_id);
  }
}

}  // namespace
}  // namespace metasrv::backup

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view json(reinterpret_cast<const char*>(data), size);
  if (json.ends_with('\n')) json.remove_suffix(1);
  metasrv::backup::CheckKvApi(json);
  metasrv::backup::CheckRead(json);
  metasrv::backup::CheckForward(json);
  return 0;
}
