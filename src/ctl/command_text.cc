#include "ctl/command_text.h"

#include <string_view>

#include "ctl/time_text.h"

namespace metasrv::ctl {
namespace {

std::string Number(std::uint64_t value) { return std::to_string(value); }

// "[a,b,c]"; of more than `max` items the first ones, "..", and the last.
template <class Items, class Text>
std::string ListText(const Items& items, int max, std::string_view separator, const Text& text_of) {
  std::string text = "[";
  const int count = items.size();
  for (int i = 0; i < count; ++i) {
    if (i > 0) text += separator;
    if (count > max && i == max - 1) {
      text.append("..").append(separator);
      i = count - 1;
    }
    text += text_of(items[i]);
  }
  return text + "]";
}

constexpr int kTxnItemsMax = 10;
constexpr int kKvItemsMax = 32;

std::string NodeText(const meta::Node& node, std::uint64_t id) {
  return "id=" + (node.name().empty() ? Number(id) : node.name()) + " raft=" + node.addr() + ":" + Number(node.port()) +
         " grpc=" + node.grpc_api_advertise_address();
}

// --- UpsertKV

std::string MatchText(const pb::MatchSeq& seq) {
  if (seq.has_exact()) return "Exact(" + Number(seq.exact()) + ")";
  if (seq.has_ge()) return "GE(" + Number(seq.ge()) + ")";
  return "Any";
}

std::string OperationText(const pb::Operation& operation) {
  if (operation.has_update()) return "Update(\"[binary]\")";
  return operation.has_delete_() ? "Delete" : "AsIs";
}

std::string MetaText(const pb::UpsertKv& upsert) {
  if (!upsert.has_value_meta()) return "None";
  const auto& meta = upsert.value_meta();
  std::string text = "MetaSpec(";
  if (meta.has_expire_at()) text += "expire_at: " + UtcText(ExpiryMillis(meta.expire_at())) + " ";
  if (meta.has_ttl_ms()) text += "ttl: " + DurationText(meta.ttl_ms()) + " ";
  return text + ")";
}

std::string UpsertText(const pb::UpsertKv& upsert) {
  return "upsert_kv:" + upsert.key() + "(" + MatchText(upsert.seq()) + ") = " + OperationText(upsert.value()) + " (" +
         MetaText(upsert) + ")";
}

// --- conditions, in both kinds of transaction

std::string ComparisonText(int expected) {
  static constexpr std::string_view kTexts[] = {"==", ">", ">=", "<", "<=", "!="};
  const auto index = static_cast<std::size_t>(expected);
  return index < std::size(kTexts) ? std::string(kTexts[index]) : "unknown(" + std::to_string(expected) + ")";
}

// `shows_size`: of a value to compare with.
std::string TargetText(const meta::TxnCondition& condition, bool shows_size) {
  switch (condition.target_case()) {
    case meta::TxnCondition::kSeq: return "seq(" + Number(condition.seq()) + ")";
    case meta::TxnCondition::kValue:
      return shows_size ? "value(" + Number(condition.value().size()) + "B)" : "value(...)";
    case meta::TxnCondition::kKeysWithPrefix: return "keys_with_prefix(" + Number(condition.keys_with_prefix()) + ")";
    default: return "None";
  }
}

// --- TxnRequest

std::string ConditionText(const meta::TxnCondition& condition) {
  return condition.key() + " " + ComparisonText(condition.expected()) + " " + TargetText(condition, false);
}

std::string ExpressionText(const meta::BooleanExpression& expression) {
  const bool any = expression.operator_() == meta::BooleanExpression::OR;
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : any ? " OR " : " AND ") + part; };
  for (const auto& sub : expression.sub_expressions()) add("(" + ExpressionText(sub) + ")");
  for (const auto& condition : expression.conditions()) add(ConditionText(condition));
  return text;
}

std::string MatchSuffix(bool present, std::uint64_t seq, std::string_view separator) {
  return present ? " match_seq" + std::string(separator) + Number(seq) : "";
}

std::string PutText(const meta::TxnPutRequest& put) {
  std::string text = "Put(Put key=" + put.key();
  if (put.has_expire_at()) text += " expire_at: " + UtcText(put.expire_at()) + "000Z+0000";
  if (put.has_ttl_ms()) text += "  ttl: " + DurationText(put.ttl_ms());
  return text + MatchSuffix(put.has_match_seq(), put.match_seq(), "=") + ")";
}

std::string IncreaseText(const meta::FetchIncreaseU64& increase) {
  return "FetchIncreaseU64(FetchIncreaseU64 key=" + increase.key() + " max_value=" + Number(increase.max_value()) +
         " delta=" + std::to_string(increase.delta()) +
         MatchSuffix(increase.has_match_seq(), increase.match_seq(), ": ") + ")";
}

std::string SequentialText(const meta::PutSequential& put) {
  std::string text = "PutSequential(PutSequential{ key=" + put.prefix() + "{next_seq(" + put.sequence_key() + ")}";
  if (put.has_expires_at_ms()) text += ", expires_at_ms: " + UtcText(put.expires_at_ms());
  if (put.has_ttl_ms()) text += ", ttl: " + DurationText(put.ttl_ms());
  return text + " })";
}

std::string OpText(const meta::TxnOp& op) {
  switch (op.request_case()) {
    case meta::TxnOp::kGet: return "Get(Get key=" + op.get().key() + ")";
    case meta::TxnOp::kPut: return PutText(op.put());
    case meta::TxnOp::kDelete: return "Delete(Delete key=" + op.delete_().key() + ")";
    case meta::TxnOp::kDeleteByPrefix:
      return "DeleteByPrefix(TxnDeleteByPrefixRequest prefix=" + op.delete_by_prefix().prefix() + ")";
    case meta::TxnOp::kFetchIncreaseU64: return IncreaseText(op.fetch_increase_u64());
    case meta::TxnOp::kPutSequential: return SequentialText(op.put_sequential());
    default: return "None";
  }
}

template <class Ops>
std::string OpsText(const Ops& ops) {
  return ListText(ops, kTxnItemsMax, ",", &OpText);
}

std::string TxnText(const meta::TxnRequest& txn) {
  std::string text = "txn:TxnRequest{";
  for (const auto& branch : txn.operations()) {
    text += "{ if:(" + (branch.has_predicate() ? ExpressionText(branch.predicate()) : "None") +
            ") then:" + OpsText(branch.operations()) + " }, ";
  }
  return text + "if:" + ListText(txn.condition(), kTxnItemsMax, ",", &ConditionText) +
         " then:" + OpsText(txn.if_then()) + " else:" + OpsText(txn.else_then()) + "}";
}

// --- KvTransaction

std::string PredicateText(const pb::Predicate& predicate) {
  if (predicate.has_leaf()) {
    const auto& leaf = predicate.leaf();
    return leaf.key() + ComparisonText(leaf.expected()) + TargetText(leaf, true);
  }
  std::string text;
  const auto& children = predicate.has_any() ? predicate.any().children() : predicate.all().children();
  for (const auto& child : children) {
    text += (text.empty() ? "" : predicate.has_any() ? " OR " : " AND ") + PredicateText(child);
  }
  return "(" + text + ")";
}

std::string TimeOrNone(bool present, std::uint64_t millis) { return present ? UtcText(millis) : "None"; }
std::string TtlOrNone(bool present, std::uint64_t millis) {
  return present ? "Some(" + DurationText(millis) + ")" : "None";
}
std::string SeqOrNone(bool present, std::uint64_t seq) { return present ? Number(seq) : "None"; }

std::string KvOpText(const meta::TxnOp& op) {
  switch (op.request_case()) {
    case meta::TxnOp::kGet: return "Get(" + op.get().key() + ")";
    case meta::TxnOp::kPut: {
      const auto& put = op.put();
      return "Put(" + put.key() + ", match_seq=" + SeqOrNone(put.has_match_seq(), put.match_seq()) + ", " +
             Number(put.value().size()) +
             "B, expire_at=" + TimeOrNone(put.has_expire_at(), ExpiryMillis(put.expire_at())) +
             ", ttl=" + TtlOrNone(put.has_ttl_ms(), put.ttl_ms()) + ")";
    }
    case meta::TxnOp::kDelete:
      return "Delete(" + op.delete_().key() +
             ", match_seq=" + SeqOrNone(op.delete_().has_match_seq(), op.delete_().match_seq()) + ")";
    case meta::TxnOp::kDeleteByPrefix: return "DeleteByPrefix(" + op.delete_by_prefix().prefix() + ")";
    case meta::TxnOp::kFetchIncreaseU64: {
      const auto& increase = op.fetch_increase_u64();
      return "FetchIncreaseU64(" + increase.key() +
             ", match_seq=" + SeqOrNone(increase.has_match_seq(), increase.match_seq()) +
             ", delta=" + std::to_string(increase.delta()) + ", floor=" + Number(increase.max_value()) + ")";
    }
    case meta::TxnOp::kPutSequential: {
      const auto& put = op.put_sequential();
      return "PutSequential(" + put.prefix() + ", seq_key=" + put.sequence_key() + ", " + Number(put.value().size()) +
             "B, expire_at=" + TimeOrNone(put.has_expires_at_ms(), put.expires_at_ms()) +
             ", ttl=" + TtlOrNone(put.has_ttl_ms(), put.ttl_ms()) + ")";
    }
    default: return "None";
  }
}

std::string BranchText(const pb::KvTxnBranch& branch) {
  const auto& predicate = branch.predicate();
  const bool always = predicate.has_all() && predicate.all().children().empty();
  return (always ? "else " : "if(" + PredicateText(predicate) + ") ") +
         ListText(branch.operations(), kKvItemsMax, ", ", &KvOpText);
}

std::string WhatText(const pb::Command& command) {
  switch (command.cmd_case()) {
    case pb::Command::kAddNode: {
      const auto& add = command.add_node();
      return std::string("add_node(") + (add.overriding() ? "override" : "no-override") + "):" + Number(add.node_id()) +
             "=" + NodeText(add.node(), add.node_id());
    }
    case pb::Command::kRemoveNode: return "remove_node:" + Number(command.remove_node().node_id());
    case pb::Command::kSetFeature:
      return "set_feature:" + command.set_feature().feature() + " to " +
             (command.set_feature().enable() ? "true" : "false");
    case pb::Command::kUpsertKv: return UpsertText(command.upsert_kv());
    case pb::Command::kTransaction: return TxnText(command.transaction());
    case pb::Command::kKvTransaction:
      return "kv_transaction:Transaction" +
             ListText(command.kv_transaction().branches(), kKvItemsMax, ", ", &BranchText);
    default: return "None";
  }
}

}  // namespace

std::string CommandText(const pb::Command& command) {
  const std::string time = command.has_time_ms() ? "time: " + UtcText(command.time_ms()) : "";
  return time + " cmd: " + WhatText(command);
}

}  // namespace metasrv::ctl
