#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ids.h"
#include "log.pb.h"
#include "meta.pb.h"

namespace metasrv::backup {

// The JSON replies of the API (grpc-api.md §5.2, §5.4, §5.6): what goes into RaftReply.data or RaftReply.error.

// The change object of KvApi.
[[nodiscard]] std::string UpsertReplyJson(const pb::UpsertReply& reply);

// Replies of Forward.
[[nodiscard]] std::string PongJson();
[[nodiscard]] std::string JoinReplyJson();
[[nodiscard]] std::string LeaveReplyJson();
// `{"AppliedState":..}`; an unset reply is "None". Requires: no transaction, which peers are answered by its branch.
[[nodiscard]] std::string AppliedStateJson(const pb::AppliedState& state);
[[nodiscard]] std::string GetReplyJson(const std::optional<meta::SeqV>& record);
[[nodiscard]] std::string MGetReplyJson(const std::vector<std::optional<meta::SeqV>>& records);
[[nodiscard]] std::string ListReplyJson(const std::vector<std::pair<std::string, meta::SeqV>>& records);

// The cause inside an error. `typ` names a class of errors; nothing there is null.
struct AnyError {
  std::optional<std::string> typ;
  std::string msg;
};

// Errors of Forward, for RaftReply.error: those that a server produces. The names are those of the JSON variants.
[[nodiscard]] std::string CanNotForwardJson(const AnyError& cause);
[[nodiscard]] std::string ConnectionErrorJson(std::string_view msg, const AnyError& cause);
// DataError.ChangeMembershipError: another change is running.
[[nodiscard]] std::string MembershipInProgressJson(const std::optional<LogId>& committed,
                                                   const std::optional<LogId>& membership);
// DataError.ReadError; also what Leave answers when the leader is asked to remove itself.
[[nodiscard]] std::string ReadErrorJson(std::string_view action, std::string_view msg, const AnyError& cause);

}  // namespace metasrv::backup
