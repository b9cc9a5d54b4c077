#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "backup/parse.h"
#include "common/ids.h"
#include "log.pb.h"
#include "meta.pb.h"

namespace metasrv::backup {

// The JSON requests of the API (grpc-api.md §5). Unknown members are ignored; everything else is as strict as a backup.

// `{"UpsertKV":{..}}`, the only request of KvApi (§5.2).
[[nodiscard]] std::expected<pb::UpsertKv, ParseError> ParseKvApiRequest(std::string_view json);

struct GetKv {
  std::string key;
};
struct MGetKv {
  std::vector<std::string> keys;
};
struct ListKv {
  std::string prefix;
};
using ReadRequest = std::variant<GetKv, MGetKv, ListKv>;

// `{"GetKV":..}`, `{"MGetKV":..}` or `{"ListKV":..}` of KvReadV1 (§5.3).
[[nodiscard]] std::expected<ReadRequest, ParseError> ParseReadRequest(std::string_view json);

struct Ping {};
struct Join {
  NodeId node_id;
  Endpoint endpoint;
  std::optional<std::string> grpc_api_advertise_address;
  bool learner = false;
};
struct Leave {
  NodeId node_id;
};

// A request of RaftService.Forward (§5.4). `hops` 0: the receiver must handle it itself.
struct ForwardRequest {
  std::uint64_t hops = 0;
  std::variant<Ping, Join, Leave, pb::Command, ReadRequest> body;
};
[[nodiscard]] std::expected<ForwardRequest, ParseError> ParseForwardRequest(std::string_view json);

// Writers of requests, for the tools.
[[nodiscard]] std::string LeaveRequestJson(std::uint64_t hops, NodeId id);
[[nodiscard]] std::string KvApiRequestJson(const pb::UpsertKv& upsert);
[[nodiscard]] std::string ReadRequestJson(const ReadRequest& read);

}  // namespace metasrv::backup
