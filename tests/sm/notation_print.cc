#include "sm/layout.h"
#include "sm/read.h"
#include "tests/sm/notation.h"
#include "tests/sm/scanner.h"

namespace metasrv::testing {
namespace {

// Times this close to T0 are shown relative to it.
constexpr std::uint64_t kNearT0 = 1'000'000;
constexpr std::string_view kAbsent = "∅";

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\t') {
      quoted += "\\t";
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string PrintKey(const std::string& key) { return key.empty() ? "\"\"" : key; }

std::string PrintTime(std::uint64_t time) {
  if (time == kT0) return "T0";
  if (time > kT0 && time - kT0 < kNearT0) return "T0+" + std::to_string(time - kT0);
  if (time < kT0 && kT0 - time < kNearT0) return "T0-" + std::to_string(kT0 - time);
  return std::to_string(time);
}

std::string PrintRecord(const meta::SeqV& record) {
  std::string text = "#" + std::to_string(record.seq()) + "=" + Quote(record.data());
  if (record.meta().has_expire_at()) text += "^" + PrintTime(record.meta().expire_at());
  return text;
}

std::string PrintRecord(bool present, const meta::SeqV& record) {
  return present ? PrintRecord(record) : std::string(kAbsent);
}

std::string PrintNode(bool present, const meta::Node& node) { return present ? node.name() : "null"; }

std::string PrintPut(const meta::TxnPutResponse& put) {
  return "Put(" + PrintKey(put.key()) + ", prev " + PrintRecord(put.has_prev_value(), put.prev_value()) + ", cur " +
         PrintRecord(put.has_current(), put.current()) + ")";
}

std::string PrintDelete(const meta::TxnDeleteResponse& response) {
  return "Delete(" + PrintKey(response.key()) + ", success=" + (response.success() ? "true" : "false") + ", prev " +
         PrintRecord(response.has_prev_value(), response.prev_value()) + ")";
}

std::string PrintFetchIncrease(const meta::FetchIncreaseU64Response& response) {
  return "FetchInc(" + PrintKey(response.key()) + ", before_seq=" + std::to_string(response.before_seq()) +
         ", before=" + std::to_string(response.before()) + ", after_seq=" + std::to_string(response.after_seq()) +
         ", after=" + std::to_string(response.after()) + ")";
}

std::string PrintResponse(const meta::TxnOpResponse& response) {
  switch (response.response_case()) {
    case meta::TxnOpResponse::kGet:
      return "Get(" + PrintKey(response.get().key()) + ", " +
             PrintRecord(response.get().has_value(), response.get().value()) + ")";
    case meta::TxnOpResponse::kPut: return PrintPut(response.put());
    case meta::TxnOpResponse::kDelete: return PrintDelete(response.delete_());
    case meta::TxnOpResponse::kDeleteByPrefix:
      return "DeleteByPrefix(" + Quote(response.delete_by_prefix().prefix()) +
             ", count=" + std::to_string(response.delete_by_prefix().count()) + ")";
    case meta::TxnOpResponse::kFetchIncreaseU64: return PrintFetchIncrease(response.fetch_increase_u64());
    case meta::TxnOpResponse::RESPONSE_NOT_SET: break;
  }
  return "(no response)";
}

std::string PrintResponses(const google::protobuf::RepeatedPtrField<meta::TxnOpResponse>& responses) {
  std::string text = "[";
  for (const auto& response : responses) text += (text.size() > 1 ? "; " : "") + PrintResponse(response);
  return text + "]";
}

std::string PrintBranch(const meta::KvTransactionReply& reply) {
  return reply.has_executed_branch() ? std::to_string(reply.executed_branch()) : "absent";
}

}  // namespace

std::string Print(const SmModel& state) {
  std::string text = "S=" + std::to_string(state.seq) + "; ";
  std::string separator;
  for (const auto& [key, record] : state.records) {
    text += separator + PrintKey(key) + PrintRecord(record);
    separator = ", ";
  }
  if (state.records.empty()) text += "(empty)";
  separator = "; nodes {";
  for (const auto& [id, node] : state.nodes) {
    text += separator + std::to_string(id) + "=" + node.name();
    separator = ", ";
  }
  if (!state.nodes.empty()) text += "}";
  separator = "; features {";
  for (const auto& name : state.features) {
    text += separator + name;
    separator = ", ";
  }
  if (!state.features.empty()) text += "}";
  return text;
}

std::string Print(const pb::AppliedState& reply) {
  switch (reply.reply_case()) {
    case pb::AppliedState::kKv:
      return "prev " + PrintRecord(reply.kv().has_prev(), reply.kv().prev()) + ", result " +
             PrintRecord(reply.kv().has_result(), reply.kv().result());
    case pb::AppliedState::kTransaction:
      return std::string("success=") + (reply.transaction().success() ? "true" : "false") +
             ", path=" + reply.transaction().execution_path() + "; " + PrintResponses(reply.transaction().responses());
    case pb::AppliedState::kKvTransaction:
      return "branch=" + PrintBranch(reply.kv_transaction()) + "; " +
             PrintResponses(reply.kv_transaction().responses());
    case pb::AppliedState::kNode:
      return "prev " + PrintNode(reply.node().has_prev(), reply.node().prev()) + ", result " +
             PrintNode(reply.node().has_result(), reply.node().result());
    case pb::AppliedState::REPLY_NOT_SET: break;
  }
  return "none";
}

std::string Print(const std::vector<sm::Change>& changes) {
  if (changes.empty()) return "none";
  std::string text;
  for (const sm::Change& change : changes) {
    if (!text.empty()) text += "; ";
    text += PrintKey(change.key) + ": " + (change.before ? PrintRecord(*change.before) : std::string(kAbsent)) + "→" +
            (change.after ? PrintRecord(*change.after) : std::string(kAbsent));
  }
  return text;
}

std::string Print(const std::vector<meta::StreamItem>& items) {
  std::string text;
  for (const meta::StreamItem& item : items) {
    if (!text.empty()) text += ", ";
    text += PrintKey(item.key()) + (item.has_value() ? PrintRecord(item.value()) : " " + std::string(kAbsent));
  }
  return text.empty() ? "(nothing)" : text;
}

}  // namespace metasrv::testing
